"""Pages of the log, read once for all that need them."""

import asyncio
from typing import Any

import pytest

from app.domain.appends import Delete, Send
from app.domain.errors import Unavailable
from app.domain.limits import MAX_STALE_READS
from app.realtime.replay_pages import ReplayPages
from app.realtime.room_feed import RoomFeed
from app.store.database import Database, T, Work
from tests.harness.databases import GatedDatabase
from tests.harness.patience import turns, until
from tests.harness.server import Server, open_server


async def send(server: Server, count: int) -> list[int]:
    """Send messages as ana; their seqs."""
    done = [await server.append(Send, "den", by="ana", text=f"text {n}") for n in range(count)]
    return [d.seq or 0 for d in done]


@pytest.mark.parametrize("since", [None, 0], ids=["newest", "log"])
async def test_many_joins_at_once_share_a_few_reads(
    gated: GatedDatabase, since: int | None
) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        await send(server, 20)
        how: dict[str, Any] = {} if since is None else {"since": since}
        clients = [await server.connects("ana") for _ in range(50)]
        for client in clients:
            await client.hears("welcome")
        await gated.quiet()
        reads = gated.reads

        asked = [(client, await client.sends("join", room="den", **how)) for client in clients]
        for client, id in asked:
            assert (await client.answer(id))["type"] == "joined"
            await client.catches_up()

        assert all(len(client.texts) == 20 for client in clients)
        assert gated.reads - reads <= 8


async def test_a_disconnect_does_not_cancel_the_read_for_others(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        await send(server, 3)
        first, second = await server.connects("ana"), await server.connects("ana")
        for client in (first, second):
            await client.hears("welcome")
        await gated.quiet()

        with gated.holding_reads(but=2) as gate:
            await first.sends("join", room="den", since=0)
            asked = await second.sends("join", room="den", since=0)
            await until(lambda: gate.waiting, "the page")
            await turns()
            gone = asyncio.create_task(first.hang_up())
            await turns()

        await gone
        assert (await second.answer(asked))["type"] == "joined"
        await second.catches_up()
        assert len(second.texts) == 3


async def test_the_newest_page_is_read_again_after_an_event(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        ref = (await send(server, 3))[0]
        await server.joins("ana", "den")

        again = await server.joins("ana", "den")
        await server.append(Delete, "den", by="ana", ref=ref)
        after = await server.joins("ana", "den")

        assert again.texts == ["text 0", "text 1", "text 2"]
        assert after.texts == [None, "text 1", "text 2"]


class EditingDatabase:
    """A database during whose reads the room is edited each time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.room_feed: RoomFeed | None = None
        self.reads = 0

    async def read(self, work: Work[T]) -> T:
        self.reads += 1
        if self.room_feed is not None:
            self.room_feed.revision += 1
        return await self._database.read(work)


async def test_a_page_that_is_stale_each_time_is_unavailable(server: Server) -> None:
    await server.room("den")
    await send(server, 3)
    realtime, database = server.runtime.realtime, EditingDatabase(server.database)
    pages = ReplayPages(database, realtime.replay_buffers)  # type: ignore[arg-type]
    room_feed = realtime.feed.acquire(server.room_id("den"))

    database.room_feed = room_feed
    for page in (pages.newest(room_feed, "den", 5, 4), pages.after(room_feed, 0, 4)):
        with pytest.raises(Unavailable):
            await page
    assert database.reads == 2 * MAX_STALE_READS

    database.room_feed = None
    assert (await pages.newest(room_feed, "den", 5, 4)).last == 4
    realtime.feed.release(room_feed)


async def test_a_room_may_be_dropped_while_a_page_is_read(gated: GatedDatabase) -> None:
    async with open_server(gated, limits={"realtime": {"room_feed_idle_seconds": 0.0}}) as server:
        await server.room("den")
        await send(server, 3)
        realtime, room = server.runtime.realtime, server.room_id("den")
        pages = ReplayPages(gated, realtime.replay_buffers)
        room_feed = realtime.feed.acquire(room)
        room_feed.seed(4)

        with gated.holding_read_results() as gate:
            reading = asyncio.create_task(pages.after(room_feed, 0, 4))
            await until(lambda: gate.waiting, "the page")
            realtime.feed.release(room_feed)
            await until(lambda: not realtime.feed.room_ids(), "the room to be dropped")

        assert (await reading).last == 4
        assert realtime.replay_buffers.size == 0
