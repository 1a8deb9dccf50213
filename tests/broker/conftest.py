"""Servers for brokers: the PostgreSQL under test, and a Redis of the test's own."""

from collections.abc import AsyncIterator

import pytest

from tests.harness.redis_server import RedisServer, redis_server


@pytest.fixture
def postgres_parameters(postgres: str | None) -> dict[str, object]:
    """libpq's parameters of the database under test."""
    # Installed only with the extra "postgres".
    from app.store.postgres_settings import connection_parameters

    assert postgres is not None
    return connection_parameters(postgres)


@pytest.fixture
async def redis() -> AsyncIterator[RedisServer]:
    """A running Redis server."""
    with redis_server() as server:
        await server.start()
        yield server
