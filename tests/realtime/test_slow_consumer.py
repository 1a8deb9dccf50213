"""When a peer is too slow: the thresholds, and what its client sees."""

import asyncio
from typing import Any

import pytest

from app.realtime.slow_consumer import SlowConsumerPolicy
from app.store.database import Database
from tests.harness.patience import patience, turns
from tests.harness.server import open_server

FAST = pytest.mark.parametrize("fast", [False, True], ids=["asgi", "transport"])
LIMIT = 65_536


async def received(client: Any, count: int) -> None:
    """Wait until a client has received so many messages."""
    while len(client.texts) < count:
        await client.hears()


def test_signals_go_first_and_replays_pause_before_a_connection_is_closed() -> None:
    policy = SlowConsumerPolicy(100)

    assert policy.signal_bytes < policy.replay_bytes < policy.max_unsent_bytes


def test_without_a_limit_replays_pause_all_the_same() -> None:
    assert 0 < SlowConsumerPolicy(0).replay_bytes < float("inf")


def test_close_timeouts_are_spread() -> None:
    policy = SlowConsumerPolicy(0, close_seconds=2.0)

    drawn = {policy.close_timeout() for _ in range(100)}

    assert 1.0 <= min(drawn) < max(drawn) <= 3.0


@FAST
async def test_a_slow_peer_is_closed_alone_and_resumes(database: Database, fast: bool) -> None:
    async with open_server(
        database, max_unsent_bytes=LIMIT, limits={"realtime": {"slow_close_seconds": 0.05}}
    ) as server:
        ana = await server.joins("ana", "general")
        slow = await server.joins("bo", "general", fast=fast)
        slow.socket.stop_taking()

        for _ in range(40):
            await ana.ask("send", text="x" * 4_000)

        async with patience("the slow connection to end"):
            await asyncio.wait([slow.socket.task])
        assert slow.socket.aborted or not fast
        await received(ana, 40)
        again = await server.joins("bo", "general", since=slow.sequence.cursors["general"])
        assert len(slow.texts) + len(again.texts) == 40


@FAST
async def test_a_slow_peer_that_reads_on_is_told_why(database: Database, fast: bool) -> None:
    async with open_server(database, max_unsent_bytes=LIMIT) as server:
        ana = await server.joins("ana", "general")
        slow = await server.joins("bo", "general", fast=fast)
        slow.socket.stop_taking()
        for _ in range(40):
            await ana.ask("send", text="x" * 4_000)

        slow.socket.take()

        assert (await slow.is_closed())[0] == 4102


@FAST
async def test_a_long_replay_goes_at_the_pace_of_its_peer(database: Database, fast: bool) -> None:
    async with open_server(database, max_unsent_bytes=LIMIT) as server:
        ana = await server.joins("ana", "general")
        for _ in range(60):
            await ana.ask("send", text="x" * 4_000)
        last = await ana.ask("send", text="last")

        client = await server.connects("bo", "general", since=0, fast=fast)
        await client.hears("welcome")
        client.socket.stop_taking()
        await turns(200)
        client.socket.take()
        await client.hears_until(last["seq"])

        assert len(client.texts) == 61
        assert client.texts[-1] == "last"


@FAST
async def test_a_peer_that_stops_reading_a_replay_is_closed(
    database: Database, fast: bool
) -> None:
    async with open_server(
        database,
        max_unsent_bytes=LIMIT,
        limits={"realtime": {"replay_stall_seconds": 0.05, "slow_close_seconds": 0.05}},
    ) as server:
        ana = await server.joins("ana", "general")
        for _ in range(60):
            await ana.ask("send", text="x" * 4_000)
        await server.joins("bo", "general")

        client = await server.connects("bo", "general", since=0, fast=fast)
        await client.hears("welcome")
        client.socket.stop_taking()

        async with patience("the stalled connection to end"):
            await asyncio.wait([client.socket.task])
