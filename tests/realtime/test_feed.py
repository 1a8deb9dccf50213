"""Rooms with subscribers: events of every node reach them, and unused feeds are dropped."""

import asyncio

import pytest

from app.domain.appends import Send
from app.domain.errors import Unavailable
from tests.harness.databases import GatedDatabase
from tests.harness.patience import patience, turns, until
from tests.harness.server import Server, open_server


async def send(server: Server, *texts: str) -> int:
    """Send messages as ana; the last seq."""
    for text in texts:
        done = await server.append(Send, "general", by="ana", text=text)
    return done.seq or 0


# Events of several nodes


async def test_a_notification_brings_the_events_of_another_node(gated: GatedDatabase) -> None:
    async with open_server(gated) as here, open_server(gated) as elsewhere:
        elsewhere.shares_people_with(here)
        ana = await here.joins("ana", "general")

        last = await send(elsewhere, "one", "two", "three")
        await ana.nothing_more()
        here.runtime.realtime.feed.on_head(here.room_id("general"), last)

        await ana.hears_until(last)
        assert ana.texts == ["one", "two", "three"]


async def test_a_notification_may_be_late_repeated_or_wrong(gated: GatedDatabase) -> None:
    async with open_server(gated) as here, open_server(gated) as elsewhere:
        elsewhere.shares_people_with(here)
        ana = await here.joins("ana", "general")
        room, feed = here.room_id("general"), here.runtime.realtime.feed

        last = await send(elsewhere, "one", "two")
        for head in (last, last, last - 1, 0, last + 50):
            feed.on_head(room, head)
            await turns(3)
        await ana.hears_until(last)
        await gated.quiet()
        after = await send(here, "three")
        await ana.hears_until(after)

        assert ana.texts == ["one", "two", "three"]
        feed.on_head(here.room_id("general") + 400, 7)  # type: ignore[arg-type]


async def test_a_gap_is_filled_before_later_events_are_delivered(gated: GatedDatabase) -> None:
    async with open_server(gated) as here, open_server(gated) as elsewhere:
        elsewhere.shares_people_with(here)
        ana = await here.joins("ana", "general")

        await send(elsewhere, "there")
        last = await send(here, "here")

        await ana.hears_until(last)
        assert ana.texts == ["there", "here"]


async def test_a_gap_is_read_again_after_a_failure(
    gated: GatedDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        open_server(gated, limits={"realtime": {"poll_seconds": 0.005}}) as here,
        open_server(gated, limits={"realtime": {"poll_seconds": 0.005}}) as elsewhere,
    ):
        elsewhere.shares_people_with(here)
        ana = await here.joins("ana", "general")
        last = await send(elsewhere, "one")
        room, feed = here.room_id("general"), here.runtime.realtime.feed

        gated.fails_with = Unavailable()
        # One more than there is: polling may have found the first already.
        feed.on_head(room, last + 1)
        await until(lambda: "feed.waits_for_database" in caplog.text, "a failed attempt")
        gated.fails_with = None
        last = await send(elsewhere, "two")
        feed.on_head(room, last)

        await ana.hears_until(last)
        assert ana.texts == ["one", "two"]


async def test_a_cancelled_waiter_leaves_the_others_waiting(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        await server.joins("ana", "general")
        feed = server.runtime.realtime.feed
        room_feed = feed.acquire(server.room_id("general"))
        head = room_feed.delivered or 0

        await room_feed.reach(head)
        waiting = [asyncio.create_task(room_feed.reach(head + n)) for n in (1, 1, 2, 3)]
        await turns()
        waiting[0].cancel()
        await send(server, "one", "two")
        async with patience("the events"):
            await asyncio.gather(*waiting[1:3])

        assert not waiting[3].done()
        waiting[3].cancel()
        feed.release(room_feed)


# Rooms without subscribers


async def test_a_room_without_subscribers_is_dropped_after_a_while(gated: GatedDatabase) -> None:
    async with open_server(gated, limits={"realtime": {"room_feed_idle_seconds": 0.02}}) as server:
        feed, room = server.runtime.realtime.feed, server.room_id("general")
        ana = await server.joins("ana", "general")
        await send(server, "one")
        await ana.ask("leave")
        again = await server.joins("ana", "general")
        assert feed.room_ids() == [room]

        await again.hang_up()
        await until(lambda: not feed.room_ids(), "the room to be dropped")
        assert server.runtime.realtime.replay_buffers.size == 0
        last = await send(server, "two")

        back = await server.joins("ana", "general", since=1)
        assert back.sequence.cursors["general"] == last
        assert back.texts == ["one", "two"]


async def test_a_room_that_is_dropped_during_a_read_reads_no_more(gated: GatedDatabase) -> None:
    async with open_server(gated, limits={"realtime": {"room_feed_idle_seconds": 0.0}}) as server:
        ana = await server.joins("ana", "general")
        feed, room = server.runtime.realtime.feed, server.room_id("general")
        await gated.quiet()
        with gated.holding_reads() as gate:
            feed.on_head(room, 99)
            await until(lambda: gate.waiting, "the read")
            await ana.hang_up()
            await until(lambda: not feed.room_ids(), "the room to be dropped")
            reads = gated.reads
        await gated.quiet()
        assert gated.reads == reads


async def test_closing_stops_the_reads(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        await server.joins("ana", "general")
        await gated.quiet()
        with gated.holding_reads() as gate:
            server.runtime.realtime.feed.on_head(server.room_id("general"), 99)
            await until(lambda: gate.waiting, "the read")
            async with patience("the end"):
                await server.runtime.realtime.feed.close()
        assert server.runtime.realtime.feed.room_ids() == []
