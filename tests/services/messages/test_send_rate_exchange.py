"""A user who sends on two nodes has one send rate, as far as Redis answers."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from app.broker.redis_send_rates import RedisSendRates
from app.domain.errors import Unavailable
from app.domain.ids import UserId
from app.domain.token_bucket import UserTokenBuckets
from app.services.messages.send_rate_exchange import SendRateExchange
from tests.harness.patience import turns, until
from tests.harness.redis_server import RedisServer, redis_server

ANA = UserId(1)
RATE, BURST = 0.001, 10


@pytest.fixture
async def redis() -> AsyncIterator[RedisServer]:
    with redis_server() as server:
        await server.start()
        yield server


class Node:
    """What a node has of its own, and its exchange with the others."""

    def __init__(self, redis: RedisServer) -> None:
        self.buckets = UserTokenBuckets(RATE, BURST, note_spent=True)
        self.store = RedisSendRates(
            redis.url, "parley:test", rate=RATE, burst=BURST, answer_seconds=0.2
        )
        self.exchange = SendRateExchange(
            self.buckets, self.store, report_seconds=0.001, pause_seconds=0.001
        )

    def sends(self, times: int) -> int:
        """Send as ana; return how many sends were allowed."""
        now = asyncio.get_running_loop().time()
        bucket = self.buckets.of(ANA, now)
        return [bucket.take(now) for _ in range(times)].count(0.0)


@pytest.fixture
async def nodes(redis: RedisServer) -> AsyncIterator[tuple[Node, Node]]:
    nodes = Node(redis), Node(redis)
    yield nodes
    for node in nodes:
        await node.store.close()


async def test_what_was_sent_on_one_node_is_missing_on_the_other(
    nodes: tuple[Node, Node],
) -> None:
    one, two = nodes
    assert one.sends(8) == 8
    assert two.sends(1) == 1
    await one.exchange.report()
    await two.exchange.report()

    assert two.sends(5) == 1
    # The first one has not heard of the last: it allows one too many.
    await one.exchange.report()
    assert one.sends(5) == 2
    await one.exchange.report()
    await two.exchange.report()

    assert (one.sends(1), two.sends(1)) == (0, 0)


async def test_while_redis_does_not_answer_each_node_goes_by_its_own_and_no_send_waits(
    nodes: tuple[Node, Node], redis: RedisServer
) -> None:
    one, two = nodes
    with redis.paused():
        assert one.sends(1) == 1
        reporting = asyncio.create_task(one.exchange.report())
        await turns()

        assert one.sends(20) == BURST - 1
        assert two.sends(20) == BURST

        with pytest.raises(Unavailable):
            await reporting


async def test_the_exchange_goes_on_after_every_failure(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    node, other = Node(redis), Node(redis)
    running = asyncio.create_task(node.exchange.run())
    redis.stop()
    node.sends(1)
    await until(lambda: "rates.failed" in caplog.text)

    # Empty, and without the script.
    await redis.start()
    assert node.sends(4) == 4

    async def is_told() -> bool:
        node.sends(1)
        return (await other.store.spend({ANA: 0}))[ANA] < BURST

    while not await is_told():
        pass
    assert not running.done()
    running.cancel()
    await node.store.close()
    await other.store.close()


class Broken:
    """A store with a bug."""

    async def spend(self, spent: Mapping[UserId, int]) -> Mapping[UserId, float]:
        raise KeyError("left")

    async def close(self) -> None:
        """Do nothing."""


async def test_a_bug_in_the_store_is_logged_and_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    buckets = UserTokenBuckets(RATE, BURST, note_spent=True)
    exchange = SendRateExchange(buckets, Broken(), report_seconds=0.001, pause_seconds=0.001)
    running = asyncio.create_task(exchange.run())
    buckets.of(ANA, 0.0).take(0.0)

    await until(lambda: "Traceback" in caplog.text)

    assert not running.done()
    running.cancel()
