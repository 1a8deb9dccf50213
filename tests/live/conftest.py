"""A real server for the tests of this folder that need a socket."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness import databases
from tests.harness.databases import postgres_database
from tests.harness.process import Process


@pytest.fixture(scope="session")
def real_database() -> AsyncIterator[str]:
    """Where real servers keep their log: in their folder, or in a PostgreSQL database."""
    if not databases.POSTGRES:
        yield ""
        return
    with postgres_database() as address:
        yield address


@pytest.fixture(scope="module")
async def real(
    tmp_path_factory: pytest.TempPathFactory, real_database: str
) -> AsyncIterator[Process]:
    """`parley serve`, as it comes, but without limits on how often; every line is logged."""
    folder: Path = tmp_path_factory.mktemp("real")
    server = Process(folder, log_level="trace", database_url=real_database)
    await server.start()
    yield server
    await server.stop()
