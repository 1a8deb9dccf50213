"""Send rates of all nodes in Redis: by its clock, and what happens when it is away."""

from collections.abc import AsyncIterator

import pytest

from app.broker.redis_send_rates import RedisSendRates
from app.domain.errors import Unavailable
from app.domain.ids import UserId
from tests.harness.redis_server import RedisServer

ANA, BEN = UserId(1), UserId(2)
# One token in a thousand seconds: nothing fills up while a test runs.
SLOW = 0.001


@pytest.fixture
async def nodes(redis: RedisServer) -> AsyncIterator[tuple[RedisSendRates, RedisSendRates]]:
    one, two = (RedisSendRates(redis.url, "parley:test", rate=SLOW, burst=10) for _ in range(2))
    yield one, two
    await one.close()
    await two.close()


async def test_what_is_left_is_of_all_nodes(nodes: tuple[RedisSendRates, RedisSendRates]) -> None:
    one, two = nodes

    assert await one.spend({ANA: 3, BEN: 1}) == pytest.approx({ANA: 7, BEN: 9}, abs=0.1)
    assert await two.spend({ANA: 9}) == pytest.approx({ANA: -2}, abs=0.1)
    assert await one.spend({ANA: 0}) == pytest.approx({ANA: -2}, abs=0.1)


async def test_a_bucket_fills_up_and_no_further(redis: RedisServer) -> None:
    node = RedisSendRates(redis.url, "parley:test", rate=1_000, burst=10)
    await node.spend({ANA: 30})
    left: list[float] = []

    async def is_full() -> bool:
        left.append((await node.spend({ANA: 0}))[ANA])
        return left[-1] == 10

    while not await is_full():
        assert len(left) < 10_000

    assert left == sorted(left)
    await node.close()


async def test_a_bucket_is_kept_until_it_is_full(redis: RedisServer) -> None:
    node = RedisSendRates(redis.url, "parley:test", rate=10, burst=10)

    await node.spend({ANA: 10})

    milliseconds = int((await redis.asks("PTTL", "parley:test:sends:1"))[1:])
    assert 0 < milliseconds <= 2_001
    await node.close()


async def test_a_server_that_is_gone_is_unavailable_and_one_that_is_empty_begins_anew(
    nodes: tuple[RedisSendRates, RedisSendRates], redis: RedisServer
) -> None:
    one, two = nodes
    await one.spend({ANA: 9})
    redis.stop()

    with pytest.raises(Unavailable):
        await one.spend({ANA: 1})

    # It has neither the buckets nor the script.
    await redis.start()
    assert await two.spend({ANA: 1}) == pytest.approx({ANA: 9}, abs=0.1)
    assert await one.spend({ANA: 1}) == pytest.approx({ANA: 8}, abs=0.1)


async def test_a_server_that_does_not_answer_is_given_up(redis: RedisServer) -> None:
    node = RedisSendRates(redis.url, "parley:test", rate=SLOW, burst=10, answer_seconds=0.1)
    await redis.asks("CLIENT", "PAUSE", "60000", "ALL")
    with pytest.raises(Unavailable):
        await node.spend({ANA: 1})

    redis.stop()
    await redis.start()
    with redis.paused(), pytest.raises(Unavailable):
        await node.spend({ANA: 1})
    await node.close()


async def test_what_another_program_has_put_there_is_unavailable(
    nodes: tuple[RedisSendRates, RedisSendRates], redis: RedisServer
) -> None:
    await redis.asks("SET", "parley:test:sends:1", "x")
    await redis.asks("HSET", "parley:test:sends:2", "tokens", "many", "at", "x")

    for user in (ANA, BEN):
        with pytest.raises(Unavailable):
            await nodes[0].spend({user: 1})
