"""Pages of the log: read once for all who want them, and written no faster than they are read."""

import asyncio
from typing import Any

import pytest

from app.domain.appends import Delete, Send
from app.domain.errors import Unavailable
from app.domain.limits import MAX_STALE_READS
from app.realtime import event_pages as pages
from app.realtime.connection import Subscription
from app.realtime.event_pages import EventPage
from app.realtime.outbox import Outbox
from app.realtime.replays import Replays
from app.wire.frames import text_frame
from tests.harness.databases import GatedDatabase
from tests.harness.patience import turns, until
from tests.harness.server import Server, open_server
from tests.realtime.people import BO, DEN, Caller


async def says(server: Server, count: int) -> list[int]:
    """Ana says so much; the numbers of what she said."""
    done = [await server.append(Send, "den", by="ana", text=f"text {n}") for n in range(count)]
    return [d.seq or 0 for d in done]


@pytest.mark.parametrize("since", [None, 0], ids=["newest", "log"])
async def test_a_storm_of_joiners_is_a_handful_of_reads(
    gated: GatedDatabase, since: int | None
) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        await says(server, 20)
        how: dict[str, Any] = {} if since is None else {"since": since}
        lines = [await server.connects("ana") for _ in range(50)]
        for line in lines:
            await line.hears("welcome")
        await gated.quiet()
        reads = gated.reads

        asked = [(line, await line.sends("join", room="den", **how)) for line in lines]
        for line, id in asked:
            assert (await line.answer(id))["type"] == "joined"
            await line.catches_up()

        assert all(len(line.texts) == 20 for line in lines)
        assert gated.reads - reads <= 8


async def test_one_who_goes_away_does_not_end_what_others_wait_for(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        await says(server, 3)
        first, second = await server.connects("ana"), await server.connects("ana")
        for line in (first, second):
            await line.hears("welcome")
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


async def test_the_newest_page_is_kept_until_something_happens(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        ref = (await says(server, 3))[0]
        await server.joins("ana", "den")

        again = await server.joins("ana", "den")
        await server.append(Delete, "den", by="ana", ref=ref)
        after = await server.joins("ana", "den")

        assert again.texts == ["text 0", "text 1", "text 2"]
        assert after.texts == [None, "text 1", "text 2"]


async def test_a_room_that_never_stands_still_is_given_up(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        await says(server, 3)
        runtime = server.runtime
        room_feed = runtime.realtime.feed.acquire(server.room_id("den"))
        read, reads = gated.read, 0

        async def edited_meanwhile(work: Any) -> Any:
            nonlocal reads
            reads += 1
            room_feed.rewrites += 1
            return await read(work)

        gated.read = edited_meanwhile  # type: ignore[method-assign]
        replays = Replays(gated, runtime.realtime.replay_buffers)
        for page in (replays.newest(room_feed, "den", 5, 4), replays.after(room_feed, 0, 4)):
            with pytest.raises(Unavailable):
                await page
        gated.read = read  # type: ignore[method-assign]

        assert MAX_STALE_READS <= reads / 2 < MAX_STALE_READS + 5
        assert (await replays.newest(room_feed, "den", 5, 4)).last == 4


# Writing a page

FRAMES = [text_frame(b"%d" % n * 20_000) for n in range(1, 7)]
PAGE = EventPage(FRAMES, range(1, 7), 6, rewrites=0)


def listening(caller: Caller) -> Subscription:
    subscription = Subscription(caller.connection, DEN, "den")
    caller.connection.subscriptions[DEN] = subscription
    return subscription


def written(caller: Caller) -> list[int]:
    return [int(payload[:1]) for payload in caller.sequence.payloads]


async def test_a_page_is_written_in_pieces() -> None:
    caller = Caller(BO)

    reached = await pages.write(PAGE, listening(caller), 2, lambda: 0, Outbox.write)

    assert reached == 6
    assert written(caller) == [3, 4, 5, 6]
    assert len(caller.sequence.writes) == 2
    assert await pages.write(PAGE, listening(caller), 6, lambda: 0, Outbox.write) == 6
    assert (
        await pages.write(EventPage((), (), 9, 0), listening(caller), 3, lambda: 0, Outbox.write)
        == 9
    )


async def test_what_is_left_of_a_stale_page_is_not_written() -> None:
    caller = Caller(BO)
    counts = iter([0, 0, 1])

    reached = await pages.write(PAGE, listening(caller), 0, lambda: next(counts), Outbox.write)

    assert reached == 4
    assert written(caller) == [1, 2, 3, 4]


async def test_who_leaves_hears_no_more_of_it() -> None:
    caller = Caller(BO)
    subscription = listening(caller)

    def leaves() -> int:
        if caller.sequence.writes:
            caller.connection.subscriptions.clear()
        return 0

    assert await pages.write(PAGE, subscription, 0, leaves, Outbox.write) == 4
    assert written(caller) == [1, 2, 3, 4]


async def test_it_waits_for_the_reader_and_gives_up_on_one_that_has_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caller = Caller(BO, limit=60_000)
    waits: list[int] = []

    async def drained() -> bool:
        waits.append(len(caller.sequence.payloads))
        caller.sequence.waiting = 0
        return len(waits) < 2

    monkeypatch.setattr(type(caller.connection.outbox), "drained", lambda _self: drained())
    write = caller.sequence.write

    def fills_up(frames: bytes) -> None:
        write(frames)
        caller.sequence.waiting += len(frames)

    caller.connection.outbox._write = fills_up

    assert await pages.write(PAGE, listening(caller), 0, lambda: 0, Outbox.write) is None
    assert waits == [2, 4]
    assert [close.code for close in caller.closes] == [4102]
