"""A server whose PostgreSQL hangs is told to stop: it ends in time, and its clients know."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.postgres_env import ParleyOn
from tests.harness.patience import until
from tests.harness.postgres_proxy import PostgresProxy, postgres_proxy
from tests.harness.postgres_server import PostgresServer, postgres_server

pytestmark = pytest.mark.crash

SHUTDOWN_SECONDS = 4


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def proxy(postgres: PostgresServer) -> Iterator[PostgresProxy]:
    with postgres_proxy(postgres.url("parley")) as proxy:
        yield proxy


async def test_a_database_that_hangs_delays_no_stop(
    tmp_path: Path, postgres: PostgresServer, proxy: PostgresProxy
) -> None:
    server = ParleyOn(postgres, tmp_path, url=proxy.url, shutdown_seconds=SHUTDOWN_SECONDS)
    await server.install()
    await server.start()
    try:
        ana = await server.person("ana")
        socket = await server.joins(ana, "general")
        client = server.client()
        proxy.passes.clear()
        sent = [await socket.sends("send", text=f"text {n}") for n in range(3)]
        post = asyncio.create_task(
            client.post("/rooms/general/messages", json={"text": "hi"}, headers=ana.bearer)
        )
        page = asyncio.create_task(client.get("/rooms", headers=ana.bearer))
        await until(lambda: proxy.held >= 3, "the batch, the request and the page to be held")

        began = asyncio.get_running_loop().time()
        server.signal(signal.SIGTERM)

        answers = [await socket.answer(id) for id in sent]
        assert [(a["type"], a["code"]) for a in answers] == [("error", "unavailable")] * 3
        assert (await socket.is_closed())[0] == 4200
        for response in await asyncio.gather(post, page):
            assert (response.status_code, response.json()["code"]) == (503, "unavailable")
        assert await server.ended(SHUTDOWN_SECONDS) == 0
        assert asyncio.get_running_loop().time() - began < SHUTDOWN_SECONDS
        assert "Traceback" not in server.log
    finally:
        proxy.close()
        await server.stop()
