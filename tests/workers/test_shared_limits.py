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
        for _ in range(BURST):
            assert (await one.ask("send", text="hi"))["type"] == "ack"

        # Of its own bucket alone, the other worker would allow a burst, and then one each second.
        allowed = 0
        while True:
            answer = await two.ask("send", text="hi")
            if answer["type"] == "ack":
                allowed += 1
            elif allowed < BURST or answer["retry_after"] > 1:
                break
            else:
                for _ in range(20):  # not more often than a client may be refused
                    await two.ask("ping")
        assert answer["code"] == "rate_limited"

        # Without Redis each worker goes by its own, and no send waits for it: it is answered.
        with redis.paused():
            await one.ask("send", text="hi")
        await one.hang_up()
        await two.hang_up()
    finally:
        await server.stop()
    assert "Traceback" not in server.log
