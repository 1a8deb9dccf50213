"""Counters in Redis: of all nodes, and each node's own while Redis is away."""

import time
from collections.abc import AsyncIterator

import pytest

from app.broker.redis_counters import RedisCounters
from tests.harness.redis_server import RedisServer


def counters(redis: RedisServer, **seconds: float) -> RedisCounters:
    return RedisCounters(redis.url, "parley:test", **seconds)


@pytest.fixture
async def nodes(redis: RedisServer) -> AsyncIterator[tuple[RedisCounters, RedisCounters]]:
    """The counters of two nodes, which ask again at once after a failure."""
    one, two = (counters(redis, answer_seconds=0.2, pause_seconds=0) for _ in range(2))
    yield one, two
    await one.close()
    await two.close()


async def test_a_count_is_of_all_nodes(nodes: tuple[RedisCounters, RedisCounters]) -> None:
    one, two = nodes

    assert await one.incr("a", 60) == 1
    assert await two.incr("a", 60) == 2
    assert await one.get("a") == 2
    assert 55 < await two.get_expiry("a") - time.time() < 65

    await two.clear("a")
    assert await two.get("a") == 0


async def test_without_redis_each_node_counts_what_it_sees(
    nodes: tuple[RedisCounters, RedisCounters], redis: RedisServer
) -> None:
    one, two = nodes
    await one.incr("a", 60)
    await two.incr("a", 60)
    redis.stop()

    assert await one.get("a") == 1
    assert await one.incr("a", 60) == 2
    assert await one.get_expiry("a") > time.time()

    # What the nodes have counted themselves still holds when Redis is back, empty.
    await redis.start()
    assert await one.incr("a", 60) == 3
    assert await two.incr("a", 60) == 2


async def test_a_connection_that_the_server_has_closed_is_opened_again(
    redis: RedisServer,
) -> None:
    one, two = counters(redis), counters(redis)
    await one.incr("a", 60)
    await two.incr("a", 60)

    await redis.asks("CLIENT", "KILL", "TYPE", "normal")

    assert await one.incr("a", 60) == 3
    assert await one.check()
    await one.close()
    await two.close()


async def test_a_redis_that_hangs_is_not_asked_for_a_while(redis: RedisServer) -> None:
    node = counters(redis, answer_seconds=0.2, pause_seconds=3_600)
    await node.incr("a", 60)

    with redis.paused():
        assert await node.incr("a", 60) == 2
        assert not await node.check()
        began = time.monotonic()
        for count in range(3, 100):
            assert await node.incr("a", 60) == count
        assert time.monotonic() - began < 0.2 * 97

    await node.close()


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="scheme"):
        RedisCounters("http://redis", "parley:test")
