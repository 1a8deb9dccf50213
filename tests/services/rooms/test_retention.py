"""Retention in a running server: connected clients, returning ones, and other nodes."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from app.domain.appends import Pin, Remove, Send
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


async def send(server: Server, *texts: str, room: str = "den") -> None:
    for text in texts:
        await server.append(Send, room, by="ana", text=text)


async def keep(server: Server, events: int, room: str = "den") -> None:
    """Set how many events a room keeps, and remove the others now."""
    await set_limits(server, room, events=events)
    await server.runtime.rooms.retention.sweep()


async def set_limits(server: Server, room: str = "den", **limits: int | None) -> None:
    """Set what a room keeps, without waking the task."""
    kept = {"days": None, "events": None, **limits}
    await server.database.write(
        lambda c: retention_store.set_limits(c, server.room_id(room), **kept)
    )


async def age(server: Server, room: str = "den") -> None:
    """Make every event of a room a year older."""
    year = 365 * 86_400_000
    older = sa.update(events).where(events.c.room_id == server.room_id(room))
    await server.database.write(lambda c: c.execute(older.values(at=events.c.at - year)) and None)


async def replayed(client: SocketClient) -> list[int]:
    """The seqs of a replay."""
    return [frame["seq"] for frame in await client.catches_up() if frame["type"] != "joined"]


@pytest.fixture
async def den(gated: GatedDatabase) -> AsyncIterator[Server]:
    """A server with a room of ten events: its creation, bo's joining, eight messages."""
    async with open_server(gated) as server:
        await server.room("den", members=["bo"])
        await send(server, *(f"text {n}" for n in range(3, 11)))
        # The first sweep has ended, and the next is an hour away: tests remove events themselves.
        await gated.quiet()
        yield server


# Connected clients


async def test_connected_clients_receive_later_events_without_a_gap(den: Server) -> None:
    bo = await den.joins("bo", "den", since=0)

    await keep(den, 2)
    await send(den, "eleven")

    assert (await bo.hears("message.created"))["seq"] == 11
    await bo.nothing_more()


async def test_removed_events_are_dropped_from_the_replay_buffer(den: Server) -> None:
    await den.joins("bo", "den", since=0)
    await den.joins("bo", "den")
    room_feed = den.runtime.realtime.feed.acquire(den.room_id("den"))
    assert room_feed.buffer is not None
    assert room_feed.buffer.first == 1
    assert room_feed.newest_pages

    await keep(den, 3)

    assert room_feed.buffer.first == 8
    assert not room_feed.newest_pages
    assert den.runtime.realtime.replay_buffers.size == room_feed.buffer.size
    newest = await den.connects("bo", "den")
    assert await replayed(newest) == [8, 9, 10]
    since = await den.connects("bo", "den", since=7)
    assert await replayed(since) == [8, 9, 10]


async def test_a_page_read_before_the_removal_does_not_enter_the_replay_buffer(
    database: Database,
) -> None:
    gated = GatedDatabase(database)
    async with open_server(gated) as server:
        await server.room("den", members=["bo"])
        await send(server, "three", "four")
        await server.joins("ana", "den", since=4)
        room_feed = server.runtime.realtime.feed.acquire(server.room_id("den"))
        bo = await server.connects("bo")
        await bo.hears("welcome")
        await gated.quiet()

        with gated.holding_read_results(but=1) as gate:
            joining = await bo.sends("join", room="den", since=0)
            await until(lambda: gate.waiting, "the page")
            await set_limits(server, events=1)
            await _remove(server, database)

        answer = await bo.answer(joining)
        assert answer["type"] == "joined"
        reset = await bo.hears("reset")
        assert (reset["reason"], reset["first"], reset["re"]) == ("gone", 4, joining)
        assert room_feed.buffer is not None
        assert room_feed.buffer.first >= 4
        # The client is not joined, and can join again.
        bo.sequence.forget("den")
        again = await bo.ask("join", room="den")
        assert (again["type"], again["first"]) == ("joined", 4)


async def _remove(server: Server, database: Database) -> None:
    """Sweep on the database itself, past the gate."""
    on_log_trimmed = server.runtime.log.seams.on_log_trimmed
    await Retention(database, now=server.clock, on_log_trimmed=on_log_trimmed).sweep()


# Returning clients


async def test_a_cursor_before_the_first_event_is_reset(den: Server) -> None:
    await keep(den, 4)
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


async def test_a_removed_message_is_not_found(den: Server) -> None:
    await keep(den, 4)
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


async def test_members_stay_though_their_events_were_removed(den: Server) -> None:
    await keep(den, 1)

    listed = (await (await den.person("bo")).http.get("/rooms/den/members")).json()["members"]

    assert {m["user"]: m["role"] for m in listed} == {"ana": "owner", "bo": "member"}
    assert (await den.database.read(check)).findings == []


async def test_a_room_without_events_can_be_resumed_at_its_head(den: Server) -> None:
    await set_limits(den, days=1)
    await age(den)
    await den.runtime.rooms.retention.sweep()

    bo = await den.connects("bo", "den", since=10)
    assert await replayed(bo) == []
    await send(den, "eleven")
    assert (await bo.hears("message.created"))["seq"] == 11


# Other nodes


async def test_another_node_drops_removed_events(den: Server) -> None:
    async with open_server(den.database) as other_node:
        other_node.shares_people_with(den)
        await other_node.joins("bo", "den", since=0)
        room_feed = other_node.runtime.realtime.feed.acquire(den.room_id("den"))
        assert room_feed.buffer is not None
        assert room_feed.buffer.first <= 11

        await keep(den, 2)
        await other_node.runtime.realtime.poller.poll()

        assert room_feed.first == 9
        assert await replayed(await other_node.connects("bo", "den", since=8)) == [9, 10]


async def test_a_node_that_missed_removed_events_closes_the_subscriptions(den: Server) -> None:
    async with open_server(den.database) as other_node:
        other_node.shares_people_with(den)
        bo = await other_node.joins("bo", "den", since=0)
        eve = await other_node.joins("eve", "general")
        # The event that ends bo's access is removed before this node has read it.
        await den.append(Remove, "den", by="ana", user=(await den.person("bo")).user)
        await send(den, "after bo left", "and more")
        await keep(den, 1)

        await other_node.runtime.realtime.poller.poll()

        assert (await bo.is_closed())[0] == 4103
        assert "after bo left" not in bo.texts
        assert "and more" not in bo.texts
        await eve.nothing_more()
        ana = await other_node.joins("ana", "den")
        await send(den, "now")
        await other_node.runtime.realtime.poller.poll()
        assert (await ana.hears("message.created"))["text"] == "now"


async def test_a_node_recovers_when_every_event_was_removed(den: Server) -> None:
    async with open_server(den.database) as other_node:
        other_node.shares_people_with(den)
        bo = await other_node.joins("bo", "den", since=10)
        await send(den, "eleven", "twelve")
        await set_limits(den, days=1)
        await age(den)
        await den.runtime.rooms.retention.sweep()

        await other_node.runtime.realtime.poller.poll()

        assert (await bo.is_closed())[0] == 4103
        assert await replayed(await other_node.connects("bo", "den", since=12)) == []


async def test_a_batch_after_removed_events_is_delivered(den: Server) -> None:
    async with open_server(den.database) as other_node:
        other_node.shares_people_with(den)
        await other_node.joins("bo", "den", since=10)
        room_feed = other_node.runtime.realtime.feed.acquire(den.room_id("den"))
        await send(den, "eleven", "twelve", "thirteen")
        await keep(den, 1)
        room = den.room_id("den")
        event_batch = await den.database.read(
            lambda c: event_store.batch_after(c, room, 12, upto=13, limit=9)
        )
        assert isinstance(event_batch, EventBatch)

        other_node.runtime.realtime.feed.on_committed([event_batch])
        await room_feed.reach(13)

        assert room_feed.delivered == 13
        assert not room_feed.pending


# The task


async def test_a_change_of_retention_takes_effect_at_once(den: Server) -> None:
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


async def test_an_unpinned_message_that_was_kept_is_removed_at_once(den: Server) -> None:
    await den.append(Pin, "den", by="bo", ref=5, on=True)
    await keep(den, 2)
    kept = den.room_id("den")
    assert await den.database.read(lambda c: retention_store.kept_pinned(c, kept)) == 1

    await den.append(Pin, "den", by="bo", ref=5, on=False)

    for _ in range(500):
        if not await den.database.read(lambda c: retention_store.kept_pinned(c, kept)):
            break
        await turns()
    assert not await den.database.read(lambda c: retention_store.kept_pinned(c, kept))


async def test_expired_events_are_removed_periodically(den: Server) -> None:
    removed: list[LogTrimmed] = []
    on_log_trimmed = Seam[LogTrimmed]()
    retention = Retention(
        den.database, now=den.clock, on_log_trimmed=on_log_trimmed, sweep_seconds=0.005
    )
    await set_limits(den, days=1)
    with on_log_trimmed.connected(removed.append):
        task = asyncio.create_task(retention.run())
        await turns()
        assert removed == []

        await age(den)
        await until(lambda: removed, "the next sweep")

    task.cancel()
    assert removed == [LogTrimmed(den.room_id("den"), 11)]


async def test_many_events_are_removed_in_several_transactions(den: Server) -> None:
    removed: list[LogTrimmed] = []
    on_log_trimmed = Seam[LogTrimmed]()
    retention = Retention(
        den.database, now=den.clock, on_log_trimmed=on_log_trimmed, batch_events=3
    )
    await set_limits(den, events=1)

    with on_log_trimmed.connected(removed.append):
        await asyncio.gather(retention.sweep(), send(den, "eleven", "twelve"))

    firsts = [trimmed.first for trimmed in removed]
    assert firsts[:2] == [4, 7]
    assert firsts == sorted(firsts)
    assert (await den.database.read(check)).findings == []
