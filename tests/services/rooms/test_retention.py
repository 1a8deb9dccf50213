"""Retention in a running server: what those see who are there, come back, or are behind."""

import asyncio

import pytest
import sqlalchemy as sa

from app.domain.appends import Remove, Send
from app.domain.events import EventBatch
from app.services.log.seams import LogTrimmed, Seam
from app.services.rooms.retention import Retention
from app.store import events as event_store
from app.store import retention as retention_store
from app.store.checking import check
from app.store.database import Database
from app.store.tables import events
from tests.harness.databases import GatedDatabase
from tests.harness.patience import turns, until
from tests.harness.server import Server, open_server
from tests.harness.socket_client import SocketClient


async def says(server: Server, *texts: str, room: str = "den") -> None:
    for text in texts:
        await server.append(Send, room, by="ana", text=text)


async def keeps(server: Server, events: int, room: str = "den") -> None:
    """Have a room keep so many events, and remove the others now."""
    await told(server, room, events=events)
    await server.runtime.rooms.retention.sweep()


async def told(server: Server, room: str = "den", **what: int | None) -> None:
    """Change what a room keeps, and wake nobody."""
    kept = {"days": None, "events": None, **what}
    await server.database.write(
        lambda c: retention_store.set_limits(c, server.room_id(room), **kept)
    )


async def ages(server: Server, room: str = "den") -> None:
    """Make everything in a room a year older."""
    year = 365 * 86_400_000
    older = sa.update(events).where(events.c.room_id == server.room_id(room))
    await server.database.write(lambda c: c.execute(older.values(at=events.c.at - year)) and None)


async def replayed(line: SocketClient) -> list[int]:
    """The numbers of what a replay brings."""
    return [frame["seq"] for frame in await line.catches_up() if frame["type"] != "joined"]


@pytest.fixture
async def den(server: Server) -> Server:
    """A server with a room of ten events: ana made it, bo was admitted, eight messages."""
    await server.room("den", members=["bo"])
    await says(server, *(f"text {n}" for n in range(3, 11)))
    # Its own first sweep is over, and the next an hour away: what a test removes is its own.
    await until(
        lambda: server.runtime.rooms.retention._woken._waiters, "the end of the first sweep"
    )
    return server


# Who is there


async def test_who_is_there_hears_what_comes_next_without_a_hole(den: Server) -> None:
    bo = await den.joins("bo", "den", since=0)

    await keeps(den, 2)
    await says(den, "eleven")

    assert (await bo.hears("message.created"))["seq"] == 11
    await bo.nothing_more()


async def test_nobody_finds_in_memory_what_is_gone_from_the_disk(den: Server) -> None:
    await den.joins("bo", "den", since=0)
    await den.joins("bo", "den")
    room_feed = den.runtime.realtime.feed.acquire(den.room_id("den"))
    assert room_feed.buffer is not None
    assert room_feed.buffer.first == 1
    assert room_feed.newest

    await keeps(den, 3)

    assert room_feed.buffer.first == 8
    assert not room_feed.newest
    assert den.runtime.realtime.replay_buffers._size == room_feed.buffer.size
    newest = await den.connects("bo", "den")
    assert await replayed(newest) == [8, 9, 10]
    since = await den.connects("bo", "den", since=7)
    assert await replayed(since) == [8, 9, 10]


async def test_a_page_that_was_being_read_does_not_come_back_into_the_tail(
    database: Database,
) -> None:
    gated = GatedDatabase(database)
    async with open_server(gated) as server:
        await server.room("den", members=["bo"])
        await says(server, "three", "four")
        await server.joins("ana", "den", since=4)
        room_feed = server.runtime.realtime.feed.acquire(server.room_id("den"))
        bo = await server.connects("bo")
        await bo.hears("welcome")
        await gated.quiet()

        with gated.holding_what_is_read(but=1) as gate:
            joining = await bo.sends("join", room="den", since=0)
            await until(lambda: gate.waiting, "a page of before")
            await told(server, events=1)
            await _remove(server, database)

        answer = await bo.answer(joining)
        assert answer["type"] == "joined"
        reset = await bo.hears("reset")
        assert (reset["reason"], reset["first"], reset["re"]) == ("gone", 4, joining)
        assert room_feed.buffer is not None
        assert room_feed.buffer.first >= 4
        # It is not joined, and can begin anew.
        bo.sequence.forget("den")
        again = await bo.ask("join", room="den")
        assert (again["type"], again["first"]) == ("joined", 4)


async def _remove(server: Server, database: Database) -> None:
    """Remove what is not to be kept, past the reads that are held."""
    on_log_trimmed = server.runtime.log.seams.on_log_trimmed
    await Retention(database, now=server.clock, on_log_trimmed=on_log_trimmed).sweep()


# Who comes back


async def test_a_cursor_before_the_first_is_told_to_begin_anew(den: Server) -> None:
    await keeps(den, 4)
    bo = await den.connects("bo")
    person = await den.person("bo")

    for since in (0, 1, 5):
        reset = await bo.ask("join", room="den", since=since)
        assert (reset["type"], reset["reason"], reset["first"]) == ("reset", "gone", 7)
        answer = await person.http.get("/rooms/den/events", params={"since": since})
        assert (answer.status_code, answer.json()["code"]) == (410, "gone")
    joined = await bo.ask("join", room="den", since=6)

    assert joined["type"] == "joined"
    page = (await person.http.get("/rooms/den/events", params={"since": 6})).json()
    assert [event["seq"] for event in page["events"]] == [7, 8, 9, 10]
    assert (page["first"], page["head"]) == (7, 10)


async def test_a_message_that_is_gone_is_no_message(den: Server) -> None:
    await keeps(den, 4)
    ana, http = await den.joins("ana", "den"), (await den.person("ana")).http

    for request in (
        {"type": "edit", "ref": 5, "text": "other"},
        {"type": "delete", "ref": 5},
        {"type": "react", "ref": 5, "emoji": "👍", "on": True},
        {"type": "pin", "ref": 5, "on": True},
        {"type": "send", "text": "but", "reply_to": 5},
    ):
        assert (await ana.ask(**request))["code"] == "message_not_found"
    for path in ("", "/edits", "/replies"):
        answer = await http.get(f"/rooms/den/messages/5{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "message_not_found")
    found = (await http.get("/search", params={"q": "text"})).json()["messages"]
    assert [message["seq"] for message in found] == [10, 9, 8, 7]


async def test_members_are_known_though_no_event_tells_of_them(den: Server) -> None:
    await keeps(den, 1)

    listed = (await (await den.person("bo")).http.get("/rooms/den/members")).json()["members"]

    assert {m["user"]: m["role"] for m in listed} == {"ana": "owner", "bo": "member"}
    assert (await den.database.read(check)).findings == []


async def test_a_room_that_is_empty_by_now_is_joined_from_its_end(den: Server) -> None:
    await told(den, days=1)
    await ages(den)
    await den.runtime.rooms.retention.sweep()

    bo = await den.connects("bo", "den", since=10)
    assert await replayed(bo) == []
    await says(den, "eleven")
    assert (await bo.hears("message.created"))["seq"] == 11


# Nodes that are behind


async def test_another_node_forgets_what_was_removed_here(den: Server) -> None:
    async with open_server(den.database) as there:
        there._people, there._rooms = den._people, den._rooms
        await there.joins("bo", "den", since=0)
        room_feed = there.runtime.realtime.feed.acquire(den.room_id("den"))
        assert room_feed.buffer is not None
        assert room_feed.buffer.first <= 11

        await keeps(den, 2)
        await there.runtime.realtime.poller.poll()

        assert room_feed.first == 9
        assert await replayed(await there.connects("bo", "den", since=8)) == [9, 10]


async def test_a_node_that_missed_removed_events_has_everybody_join_again(den: Server) -> None:
    async with open_server(den.database) as there:
        there._people, there._rooms = den._people, den._rooms
        bo = await there.joins("bo", "den", since=0)
        eve = await there.joins("eve", "general")
        # What ends bo's access is gone before this node has heard of it.
        await den.append(Remove, "den", by="ana", user=(await den.person("bo")).user)
        await says(den, "behind bo's back", "and more")
        await keeps(den, 1)

        await there.runtime.realtime.poller.poll()

        assert (await bo.is_closed())[0] == 4103
        assert "behind bo's back" not in bo.texts
        assert "and more" not in bo.texts
        await eve.nothing_more()
        ana = await there.joins("ana", "den")
        await says(den, "now")
        await there.runtime.realtime.poller.poll()
        assert (await ana.hears("message.created"))["text"] == "now"


async def test_a_node_finds_its_way_when_everything_is_gone(den: Server) -> None:
    async with open_server(den.database) as there:
        there._people, there._rooms = den._people, den._rooms
        bo = await there.joins("bo", "den", since=10)
        await says(den, "eleven", "twelve")
        await told(den, days=1)
        await ages(den)
        await den.runtime.rooms.retention.sweep()

        await there.runtime.realtime.poller.poll()

        assert (await bo.is_closed())[0] == 4103
        assert await replayed(await there.connects("bo", "den", since=12)) == []


async def test_a_run_that_comes_behind_a_removed_hole_is_delivered(den: Server) -> None:
    async with open_server(den.database) as there:
        there._people, there._rooms = den._people, den._rooms
        await there.joins("bo", "den", since=10)
        room_feed = there.runtime.realtime.feed.acquire(den.room_id("den"))
        await says(den, "eleven", "twelve", "thirteen")
        await keeps(den, 1)
        room = den.room_id("den")
        event_batch = await den.database.read(
            lambda c: event_store.batch_after(c, room, 12, upto=13, limit=9)
        )
        assert isinstance(event_batch, EventBatch)

        there.runtime.realtime.feed.on_committed([event_batch])
        await there.runtime.realtime.feed.reach(room_feed, 13)

        assert room_feed.delivered == 13
        assert not room_feed.pending


# The task


async def test_a_change_is_carried_out_at_once(den: Server) -> None:
    http = (await den.person("root", is_admin=True)).http

    await http.put("/admin/rooms/den/retention", json={"events": 2})

    room = den.room_id("den")

    async def first() -> int:
        return await den.database.read(lambda c: event_store.first(c, room))

    for _ in range(500):
        if await first() == 9:
            break
        await turns()
    assert await first() == 9


async def test_what_became_too_old_is_removed_now_and_then(den: Server) -> None:
    removed: list[LogTrimmed] = []
    on_log_trimmed = Seam[LogTrimmed]()
    retention = Retention(
        den.database, now=den.clock, on_log_trimmed=on_log_trimmed, sweep_seconds=0.005
    )
    await told(den, days=1)
    with on_log_trimmed.connected(removed.append):
        task = asyncio.create_task(retention.run())
        await turns()
        assert removed == []

        await ages(den)
        await until(lambda: removed, "the next look")

    task.cancel()
    assert removed == [LogTrimmed(den.room_id("den"), 11)]


async def test_many_events_go_in_short_transactions(den: Server) -> None:
    removed: list[LogTrimmed] = []
    on_log_trimmed = Seam[LogTrimmed]()
    retention = Retention(
        den.database, now=den.clock, on_log_trimmed=on_log_trimmed, batch_events=3
    )
    await told(den, events=1)

    with on_log_trimmed.connected(removed.append):
        await asyncio.gather(retention.sweep(), says(den, "eleven", "twelve"))

    firsts = [trimmed.first for trimmed in removed]
    assert firsts[:2] == [4, 7]
    assert firsts == sorted(firsts)
    assert (await den.database.read(check)).findings == []
