"""From the log to those who listen: strictly the next number, whatever is lost on the way."""

import asyncio

import pytest

from app.domain.appends import Send
from app.domain.errors import Unavailable
from app.realtime import feed as feed_module
from tests.harness.databases import Held
from tests.harness.patience import patience, turns, until
from tests.harness.server import Server, open_server


async def says(server: Server, *texts: str) -> int:
    """Ana says something; the last number."""
    for text in texts:
        done = await server.append(Send, "general", by="ana", text=text)
    return done.seq or 0


async def test_what_another_node_said_comes_when_it_rings(held: Held) -> None:
    async with open_server(held) as here, open_server(held) as elsewhere:
        elsewhere.shares_people_with(here)
        ana = await here.joins("ana", "general")

        last = await says(elsewhere, "one", "two", "three")
        await ana.nothing_more()
        here.runtime.feed.rung(here.room_id("general"), last)

        await ana.hears_until(last)
        assert ana.texts == ["one", "two", "three"]


async def test_a_bell_may_be_late_repeated_or_wrong(held: Held) -> None:
    async with open_server(held) as here, open_server(held) as elsewhere:
        elsewhere.shares_people_with(here)
        ana = await here.joins("ana", "general")
        room, feed = here.room_id("general"), here.runtime.feed

        last = await says(elsewhere, "one", "two")
        for head in (last, last, last - 1, 0, last + 50):
            feed.rung(room, head)
            await turns(3)
        await ana.hears_until(last)
        await held.quiet()
        after = await says(here, "three")
        await ana.hears_until(after)

        assert ana.texts == ["one", "two", "three"]
        feed.rung(here.room_id("general") + 400, 7)  # type: ignore[arg-type]


async def test_a_hole_before_what_was_said_here_is_filled_first(held: Held) -> None:
    async with open_server(held) as here, open_server(held) as elsewhere:
        elsewhere.shares_people_with(here)
        ana = await here.joins("ana", "general")

        await says(elsewhere, "there")
        last = await says(here, "here")

        await ana.hears_until(last)
        assert ana.texts == ["there", "here"]


async def test_what_can_t_be_read_now_is_read_later(
    held: Held, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(feed_module, "POLL_SECONDS", 0.005)
    async with open_server(held) as here, open_server(held) as elsewhere:
        elsewhere.shares_people_with(here)
        ana = await here.joins("ana", "general")
        last = await says(elsewhere, "one")
        await held.quiet()

        reads = held.reads
        held.fails_with = Unavailable()
        here.runtime.feed.rung(here.room_id("general"), last)
        await until(lambda: held.reads > reads + 2, "some tries")
        held.fails_with = None

        await ana.hears_until(last)
        assert "feed.waits_for_database" in caplog.text


async def test_a_room_that_nobody_listens_to_cools_down(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "ROOM_FEED_IDLE_SECONDS", 0.02)
    async with open_server(held) as server:
        feed, room = server.runtime.feed, server.room_id("general")
        ana = await server.joins("ana", "general")
        await says(server, "one")
        await ana.ask("leave")
        again = await server.joins("ana", "general")
        assert feed.warm_rooms() == [room]

        await again.hang_up()
        await until(lambda: not feed.warm_rooms(), "the room to cool down")
        assert not server.runtime.replay_buffers._replay_buffers
        last = await says(server, "two")

        back = await server.joins("ana", "general", since=1)
        assert back.ear.cursors["general"] == last
        assert back.texts == ["one", "two"]


async def test_a_room_that_cools_down_while_it_reads_reads_no_more(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "ROOM_FEED_IDLE_SECONDS", 0.0)
    async with open_server(held) as server:
        ana = await server.joins("ana", "general")
        feed, room = server.runtime.feed, server.room_id("general")
        await held.quiet()
        with held.holding_reads() as gate:
            feed.rung(room, 99)
            await until(lambda: gate.waiting, "the read")
            await ana.hang_up()
            await until(lambda: not feed.warm_rooms(), "the room to cool down")


async def test_closing_ends_what_is_under_way(held: Held) -> None:
    async with open_server(held) as server:
        await server.joins("ana", "general")
        await held.quiet()
        with held.holding_reads() as gate:
            server.runtime.feed.rung(server.room_id("general"), 99)
            await until(lambda: gate.waiting, "the read")
            async with patience("the end"):
                await server.runtime.feed.close()
        assert server.runtime.feed.warm_rooms() == []


async def test_a_waiter_that_goes_away_disturbs_nobody(held: Held) -> None:
    async with open_server(held) as server:
        await server.joins("ana", "general")
        feed = server.runtime.feed
        warm = feed.hold(server.room_id("general"))
        head = warm.delivered or 0

        await feed.reach(warm, head)
        waiting = [asyncio.create_task(feed.reach(warm, head + n)) for n in (1, 1, 2, 3)]
        await turns()
        waiting[0].cancel()
        await says(server, "one", "two")
        async with patience("those who can go on"):
            await asyncio.gather(*waiting[1:3])

        assert not waiting[3].done()
        waiting[3].cancel()
        feed.release(warm)
