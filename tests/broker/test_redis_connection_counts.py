"""Counts of connections in Redis: of which node, and until when."""

from collections.abc import AsyncIterator

import pytest

from app.broker.redis_connection_counts import RedisConnectionCounts
from app.domain.errors import Unavailable
from app.domain.ids import UserId
from tests.harness.redis_server import RedisServer

ANA, BEN = UserId(1), UserId(2)
KEY = "parley:test:connections:1"


@pytest.fixture
async def counts(redis: RedisServer) -> AsyncIterator[RedisConnectionCounts]:
    counts = RedisConnectionCounts(redis.url, "parley:test", answer_seconds=0.2)
    yield counts
    await counts.close()


async def test_a_node_is_told_what_those_before_it_have(counts: RedisConnectionCounts) -> None:
    assert await counts.report("b", {ANA: 3, BEN: 1}) == {ANA: 0, BEN: 0}
    assert await counts.report("c", {ANA: 2}) == {ANA: 3}
    assert await counts.report("a", {ANA: 4, BEN: 5}) == {ANA: 0, BEN: 0}

    assert await counts.report("c", {ANA: 2, BEN: 1}) == {ANA: 7, BEN: 6}
    # The last one replaces what was there.
    assert await counts.report("a", {ANA: 0}) == {ANA: 0}
    assert await counts.report("c", {ANA: 2}) == {ANA: 3}


async def test_what_a_node_has_said_expires(
    counts: RedisConnectionCounts, redis: RedisServer
) -> None:
    await redis.asks("HSET", KEY, "a", "9 1000000000", "b", "1 9999999999")

    assert await counts.report("c", {ANA: 1}) == {ANA: 1}

    assert await redis.asks("HEXISTS", KEY, "a") == b":0\r\n"
    assert 0 < int((await redis.asks("TTL", KEY))[1:]) <= 45


async def test_garbage_is_removed(counts: RedisConnectionCounts, redis: RedisServer) -> None:
    await redis.asks("HSET", KEY, "a", "many", "aa", "-1 9999999999")

    assert await counts.report("c", {ANA: 1}) == {ANA: 0}
    assert await redis.asks("HLEN", KEY) == b":1\r\n"

    await redis.asks("SET", KEY, "x")
    with pytest.raises(Unavailable):
        await counts.report("c", {ANA: 1})


async def test_a_server_that_is_gone_or_silent_is_unavailable(
    counts: RedisConnectionCounts, redis: RedisServer
) -> None:
    await counts.report("a", {ANA: 3})
    with redis.paused(), pytest.raises(Unavailable):
        await counts.report("b", {ANA: 1})
    redis.stop()
    with pytest.raises(Unavailable):
        await counts.report("b", {ANA: 1})

    # It has neither the counts nor the script.
    await redis.start()
    assert await counts.report("b", {ANA: 1}) == {ANA: 0}
