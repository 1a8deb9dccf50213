"""Servers for the tests of this folder that need a socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from app.transport.context import TransportLimits
from app.transport.server import options
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


@asynccontextmanager
async def listening(
    server: Server,
    *,
    app: Any = None,
    limits: TransportLimits | None = None,
    compression: bool = False,
) -> AsyncIterator[tuple[int, ServerState]]:
    """A server of this process on a real port; and what it knows of its connections."""
    chosen = options(
        forwarded_allow_ips="127.0.0.1",
        ws_compression=compression,
        shutdown_seconds=1,
        limits=limits,
    )
    config, state = uvicorn.Config(app or server.app, **chosen), ServerState()
    config.load()
    sockets = await asyncio.get_running_loop().create_server(
        lambda: config.http_protocol_class(config, state, {}),  # type: ignore[call-arg]
        "127.0.0.1",
        0,
    )
    yield sockets.sockets[0].getsockname()[1], state
    sockets.close()
    await sockets.wait_closed()
