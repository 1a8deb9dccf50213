"""Publish and subscribe: what redis-py doesn't say, and a server that is slow or away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.broker.base import CONNECTING, DEAF, LogAdvanced, LookEverywhere, Notification
from app.broker.redis import RedisBroker
from app.domain.ids import RoomId
from tests.harness.patience import until
from tests.harness.redis_server import RedisServer


def advanced(head: int) -> LogAdvanced:
    return LogAdvanced(RoomId(1), head)


class Node:
    """A broker, and what it received."""

    def __init__(self, redis: RedisServer, channel: str = "parley:a", **options: float) -> None:
        self.broker = RedisBroker(
            redis.url, channel, **{"retry_seconds": 0.01, "deaf_seconds": 60.0, **options}
        )
        self.received: list[Notification] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Node"]:
        await self.broker.open(self.received.append)
        await until(lambda: self.broker.fault is None, "the broker to connect")
        yield self
        await self.broker.close()

    async def hears(self, other: "Node", head: int) -> None:
        """Wait until a notification of another node arrives; one may be lost meanwhile."""

        def is_heard() -> bool:
            other.broker.notify(advanced(head))
            return advanced(head) in self.received

        await until(is_heard, "a notification")


async def test_a_killed_connection_is_replaced_and_everything_compared(redis: RedisServer) -> None:
    async with Node(redis).running() as one, Node(redis).running() as two:
        for kind in ("pubsub", "normal"):
            await redis.asks("CLIENT", "KILL", "TYPE", kind)

        await until(lambda: LookEverywhere() in two.received, "a comparison")
        await two.hears(one, 7)


async def test_a_server_that_is_started_again_empty_is_used_again(redis: RedisServer) -> None:
    async with Node(redis).running() as one, Node(redis).running() as two:
        redis.stop()
        one.broker.notify(advanced(1))
        await redis.start()

        await until(lambda: LookEverywhere() in two.received, "a comparison")
        await two.hears(one, 7)


async def test_a_paused_server_makes_nodes_deaf_and_slows_no_sender(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with Node(redis, probe_seconds=0.02, deaf_seconds=0.3).running() as one:
        with redis.paused():
            # A wait for the server would have no end.
            for head in range(1_000):
                one.broker.notify(advanced(head))
            await until(lambda: one.broker.fault == DEAF, "the broker to notice")
        await until(lambda: one.broker.fault is None, "the broker to recover")

    said = [record.message for record in caplog.records]
    assert said.count("broker.deaf") == said.count("broker.hears_again") == 1


async def test_a_silent_server_that_accepts_is_waited_for_longer_than_redis_py_would(
    redis: RedisServer,
) -> None:
    """Its default of ``socket_timeout`` would end a wait of a quiet channel."""
    async with Node(redis).running() as one:
        kwargs = one.broker._redis.connection_pool.connection_kwargs

        assert kwargs["socket_timeout"] is None


async def test_installations_with_channels_of_their_own_hear_nothing_of_each_other(
    redis: RedisServer,
) -> None:
    async with Node(redis, "parley:a").running() as one, Node(redis, "parley:b").running() as two:
        one.broker.notify(advanced(1))
        async with Node(redis, "parley:a").running() as third:
            await third.hears(one, 2)

        assert two.received == []


async def test_garbage_on_the_channel_is_ignored(redis: RedisServer) -> None:
    async with Node(redis).running() as one, Node(redis).running() as two:
        for payload in ("", "{", '{"v":2,"node":"x","hints":[]}', "x" * 100_000):
            await redis.asks("PUBLISH", "parley:a", payload)
        await two.hears(one, 7)

    assert set(two.received) == {advanced(7)}


async def test_a_server_that_can_t_be_reached_is_said_once_without_the_password(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    redis.stop()
    redis.url = redis.url.replace("redis://", "redis://:hunter2@")
    node = Node(redis)
    await node.broker.open(node.received.append)
    node.broker.notify(advanced(1))

    await until(lambda: caplog.records, "the line")

    assert node.broker.fault == CONNECTING
    async with asyncio.timeout(20):
        await node.broker.close()
        await node.broker.close()
    assert "hunter2" not in caplog.text


async def test_a_bug_in_what_listens_ends_no_subscription(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    heard = 0

    def fail(_: Notification) -> None:
        nonlocal heard
        heard += 1
        raise RuntimeError("a bug")

    broker = Node(redis).broker
    async with Node(redis).running() as other:
        await broker.open(fail)
        await until(lambda: broker.fault is None, "the broker to connect")

        def is_heard_again() -> bool:
            other.broker.notify(advanced(1))
            return heard > 1

        await until(is_heard_again, "another notification")
        await broker.close()

    assert any(record.exc_info for record in caplog.records)
