"""Servers for the tests of this folder that need a socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from app.transport.server import options
from app.transport.sniffer import ProtocolSniffer
from tests.harness import databases
from tests.harness.databases import postgres_database
from tests.harness.process import Process
from tests.harness.server import Server


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


def configuration(server: Server, **changed: Any) -> uvicorn.Config:
    """What `parley serve` would have uvicorn do for a server of this process."""
    chosen = options(forwarded_allow_ips="127.0.0.1", ws_compression=False, shutdown_seconds=1)
    config = uvicorn.Config(**{"app": server.app, **chosen, **changed})
    config.load()
    return config


@asynccontextmanager
async def listening(server: Server, **changed: Any) -> AsyncIterator[tuple[int, ServerState]]:
    """A server of this process on a real port; and what uvicorn knows of its connections."""
    config, state = configuration(server, **changed), ServerState()
    sockets = await asyncio.get_running_loop().create_server(
        lambda: ProtocolSniffer(config, state, {}), "127.0.0.1", 0
    )
    yield sockets.sockets[0].getsockname()[1], state
    sockets.close()
    await sockets.wait_closed()
