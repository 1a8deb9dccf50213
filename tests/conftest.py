"""Fixtures of every test: a database, a server on it, and an HTTP client."""

import gc
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from httpx2 import AsyncClient

from app.store.database import Database
from tests.harness import databases, examples
from tests.harness.databases import GatedDatabase, open_postgres, open_sqlite, postgres_database
from tests.harness.server import Server, open_server

examples.load_profile()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests of the other database engine."""
    other = "sqlite_only" if databases.POSTGRES else "postgres_only"
    left_out = [item for item in items if item.get_closest_marker(other)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Leave the tests and all that they import out of garbage collections: 0.3 s each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop of the tests."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str | None]:
    """The address of this process's own PostgreSQL database; None: the tests use SQLite."""
    if not databases.POSTGRES:
        yield None
        return
    with postgres_database() as address:
        yield address


@pytest.fixture
async def database(postgres: str | None) -> AsyncIterator[Database]:
    """A new installation."""
    async with open_postgres(postgres) if postgres else open_sqlite() as database:
        yield database


@pytest.fixture
async def file_database(postgres: str | None, tmp_path: Path) -> AsyncIterator[Database]:
    """A new installation in a file: unlike in memory, reads and writes run concurrently."""
    file = tmp_path / "parley.db"
    async with open_postgres(postgres) if postgres else open_sqlite(file) as database:
        yield database


@pytest.fixture
def gated(database: Database) -> GatedDatabase:
    """The database, behind gates at which a test can hold reads and writes."""
    return GatedDatabase(database)


@pytest.fixture
def limits(request: pytest.FixtureRequest) -> Mapping[str, Mapping[str, Any]]:
    """Limits of the server, from a mark: ``@pytest.mark.limits(log={…}, realtime={…})``."""
    marked = request.node.get_closest_marker("limits")
    return {} if marked is None else marked.kwargs


@pytest.fixture
async def server(
    database: Database, limits: Mapping[str, Mapping[str, Any]]
) -> AsyncIterator[Server]:
    """A server in the test's event loop."""
    async with open_server(database, limits=limits) as server:
        yield server


@pytest.fixture
async def client(server: Server) -> AsyncClient:
    """The server's HTTP API, without authentication."""
    return server.client
