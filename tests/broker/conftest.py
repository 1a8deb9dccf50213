"""Servers for brokers: the PostgreSQL under test."""

import pytest


@pytest.fixture
def postgres_parameters(postgres: str | None) -> dict[str, object]:
    """libpq's parameters of the database under test."""
    # Installed only with the extra "postgres".
    from app.store.postgres_settings import connection_parameters

    assert postgres is not None
    return connection_parameters(postgres)
