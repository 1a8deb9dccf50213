"""Limits of a user over two workers, which count together in Redis."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.harness.postgres_server import PostgresServer, postgres_server
from tests.harness.redis_server import RedisServer, redis_server
from tests.workers.workers_env import ROOM, Workers

pytestmark = pytest.mark.crash

BURST = 20


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
async def redis() -> AsyncIterator[RedisServer]:
    with redis_server() as server:
        await server.start()
        yield server


async def test_a_user_has_one_send_rate_on_both_workers(
    tmp_path: Path, postgres: PostgresServer, redis: RedisServer
) -> None:
    limits = {"sends_per_second": 1, "send_burst": BURST}
    server = Workers(postgres, tmp_path, workers=2, redis_url=redis.url, **limits)
    await server.install()
    try:
        await server.start()
        ana = await server.person("ana")
        one, two = [await server.joins_on(number, ana, ROOM) for number in (1, 2)]
        for socket, times in ((one, BURST), (two, 5)):
            for _ in range(times):
                assert (await socket.ask("send", text="hi"))["type"] == "ack"

        # A bucket of one worker alone has a token within a second.
        async with server.client() as client:
            wait = 0
            while wait < 2:
                answer = await client.post(
                    f"/rooms/{ROOM}/messages", json={"text": "hi"}, headers=ana.bearer
                )
                wait = int(answer.headers.get("Retry-After", 0))
            assert answer.json()["code"] == "rate_limited"

        # Without Redis each worker goes by its own, and no send waits for it.
        with redis.paused():
            answer = await one.ask("send", text="hi")
            assert answer["type"] in ("ack", "error")
        await one.hang_up()
        await two.hang_up()
    finally:
        await server.stop()
    assert "Traceback" not in server.log
