"""The events of a room: what is applied, skipped, asked for again; how a subscription ends."""

import asyncio
from typing import Any

import pytest

from app.domain.events import EventType
from parley_client import (
    Cursor,
    Event,
    Limits,
    MemberUpdated,
    MemoryCursors,
    MessageCreated,
    NotFound,
    Reset,
    Room,
    RoomEnded,
)
from parley_client.events import parse_event
from tests.client.scripted_server import (
    WELCOME,
    Frame,
    Peer,
    ack,
    caught_up,
    joined,
    message,
    quick_client,
    scripted,
)
from tests.harness.patience import patience, until

pytestmark = pytest.mark.sqlite_only


async def seqs(room: Room, count: int) -> list[int]:
    """The numbers of the next events."""
    found = []
    async with patience(lambda: f"{count} events; there are {found}"):
        while len(found) < count:
            event = await anext(room)
            assert isinstance(event, Event)
            found.append(event.seq)
    return found


def saved(seq: int, epoch: str = "e1") -> dict[str, Any]:
    """Options of a client that has been here before."""
    cursors = MemoryCursors()
    cursors.load = lambda key: Cursor(seq, epoch)  # type: ignore[method-assign]
    return {"cursors": cursors}


async def test_it_begins_with_what_happens_from_now_on() -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        asked = await peer.hears("join")
        assert (asked["limit"], "since" in asked) == (1, False)
        await peer.say(joined(asked, head=9), message(9), caught_up(asked, 9), message(10))
        await peer.waits()

    async with scripted(script) as url, quick_client(url) as chat:
        assert await seqs(chat.room("general"), 1) == [10]


async def test_what_came_while_joining_is_asked_for() -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        asked = await peer.hears("join")
        await peer.say(joined(asked, head=7), message(9), caught_up(asked, 9))
        again = await peer.hears("join")
        assert again["since"] == 7
        await peer.say(joined(again, head=9), message(8), message(9), caught_up(again, 9))
        await peer.waits()

    async with scripted(script) as url, quick_client(url) as chat:
        assert await seqs(chat.room("general"), 2) == [8, 9]


async def test_it_begins_with_the_newest_messages_if_asked_to() -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        asked = await peer.hears("join")
        if peer.number == 1:
            assert asked["limit"] == 3
            await peer.say(joined(asked, head=9), message(4), message(6))
            await peer.closes(1011)
        assert asked["since"] == 6
        await peer.say(joined(asked, head=9), *map(message, (7, 8, 9)), caught_up(asked, 9))
        await peer.waits()

    async with scripted(script) as url, quick_client(url) as chat:
        assert await seqs(chat.room("general", history=3), 5) == [4, 6, 7, 8, 9]


async def test_a_gap_is_asked_for_again_and_nothing_comes_twice() -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        first = await peer.hears("join")
        assert (first["since"], first["epoch"]) == (4, "e1")
        await peer.say(joined(first), message(5), caught_up(first, 5), message(5), message(3))
        await peer.say(message(6), message(8), message(9))
        again = await peer.hears("join")
        assert again["since"] == 6
        # Of the subscription before, then of this one.
        await peer.say(message(10), joined(again), *map(message, (7, 8, 9, 10)))
        await peer.say(caught_up(first, 99), caught_up(again, 10), message(11))
        await peer.waits()

    async with scripted(script) as url, quick_client(url, **saved(4)) as chat:
        assert await seqs(chat.room("general"), 7) == [5, 6, 7, 8, 9, 10, 11]


async def test_an_unknown_type_moves_the_cursor() -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        asked = await peer.joins(head=4)
        assert asked["since"] == 4
        await peer.say({**message(5), "type": "poll.opened"}, message(6))
        await peer.waits()

    async with scripted(script) as url, quick_client(url) as chat:
        room = chat.room("general", since=4)
        poll, after = await anext(room), await anext(room)

    assert type(poll) is Event
    assert (poll.type, poll.seq, poll.raw["text"]) == ("poll.opened", 5, "hi")
    assert isinstance(after, MessageCreated)
    assert room.cursor == Cursor(5, "e1")


@pytest.mark.parametrize("reason", ["epoch", "ahead"])
async def test_another_history_is_said_and_begun_anew(reason: str) -> None:
    store = MemoryCursors()

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        asked = await peer.hears("join")
        await peer.say(_reset(asked, reason))
        again = await peer.hears("join")
        assert "since" not in again
        await peer.say(joined(again, head=20, epoch="e2"), caught_up(again, 20), message(21))
        await peer.waits()

    async with scripted(script) as url, quick_client(url, cursors=store) as chat:
        room = chat.room("general", since=Cursor(99, "e1"))
        reset = await anext(room)
        assert isinstance(reset, Reset)
        assert (reset.reason, reset.epoch, room.cursor) == (reason, "e2", Cursor(99, "e1"))
        assert await seqs(room, 1) == [21]
        assert room.cursor is not None
        assert room.cursor.epoch != "e1"


async def test_what_retention_has_left_is_still_read() -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        await peer.say(_reset(await peer.hears("join"), "gone"))
        again = await peer.hears("join")
        assert (again["since"], again["epoch"]) == (17, "e2")
        await peer.say(joined(again), *map(message, (18, 19, 20)), caught_up(again, 20))
        await peer.waits()

    async with scripted(script) as url, quick_client(url) as chat:
        room = chat.room("general", since=3)
        assert isinstance(await anext(room), Reset)
        assert await seqs(room, 3) == [18, 19, 20]


@pytest.mark.parametrize("answer", ["reset", "gap"])
async def test_a_server_that_answers_the_same_again_is_not_asked_in_a_loop(answer: str) -> None:
    joins = 0

    async def script(peer: Peer) -> None:
        nonlocal joins
        await peer.say(WELCOME)
        while True:
            asked = await peer.hears()
            if asked["type"] == "send":
                await peer.say(ack(asked))
                continue
            joins += 1
            if answer == "reset":
                await peer.say(_reset(asked, "gone"))
            else:
                await peer.say(joined(asked), message(50))

    limits = Limits(retry_seconds=60.0, close_seconds=0.5)
    async with scripted(script) as url, quick_client(url, limits=limits) as chat:
        room = chat.room("general", since=3)
        await until(lambda: joins == 2)
        # What is acknowledged came after the answer to the second, and the next after a third.
        await chat.send("other", "hi")
        await chat.send("other", "hi")

    assert joins == 2
    assert len(room._buffer) <= 2


async def test_access_that_ends_is_raised_after_the_last_event() -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        await peer.joins()
        await peer.say(message(1), {"type": "removed", "room": "general", "reason": "banned"})
        asked = await peer.joins()
        await peer.say(message(1, room=asked["room"]))
        await peer.waits()

    async with scripted(script) as url, quick_client(url) as chat:
        room = chat.room("general")
        assert await seqs(room, 1) == [1]
        with pytest.raises(RoomEnded, match="general has ended: banned") as caught:
            await anext(room)
        assert (caught.value.room, caught.value.reason) == ("general", "banned")
        assert await seqs(chat.room("other"), 1) == [1]


async def test_a_room_that_can_not_be_joined_ends_alone() -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        for _ in range(2):
            asked = await peer.hears("join")
            if asked["room"] == "secret":
                refusal = {"code": "room_not_found", "detail": "No such room."}
                await peer.say({"type": "error", "re": asked["id"], **refusal})
            else:
                await peer.say(joined(asked), caught_up(asked, 0), message(1))
        await peer.waits()

    async with scripted(script) as url, quick_client(url) as chat:
        secret, general = chat.room("secret"), chat.room("general")
        with pytest.raises(NotFound, match="No such room"):
            await anext(secret)
        assert await seqs(general, 1) == [1]


async def test_a_join_that_can_succeed_later_is_repeated() -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        asked = await peer.hears("join")
        refusal = {"code": "rate_limited", "detail": "Too fast.", "retry_after": 0.02}
        await peer.say({"type": "error", "re": asked["id"], **refusal})
        await peer.joins()
        await peer.say(message(1))
        await peer.waits()

    async with scripted(script) as url, quick_client(url) as chat:
        assert await seqs(chat.room("general"), 1) == [1]


async def test_leaving_ends_the_iteration() -> None:
    left: list[Frame] = []

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        await peer.joins()
        left.append(await peer.hears("leave"))
        await peer.waits()

    async with scripted(script) as url, quick_client(url) as chat:
        room = chat.room("General")
        await until(lambda: room.live)
        room.leave()
        room.leave()
        assert [event async for event in room] == []
        await until(lambda: left)

    assert left[0]["room"] == "general"


async def test_a_room_is_subscribed_to_once() -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        await peer.joins(head=4)
        assert (await peer.hears())["type"] == "leave"
        asked = await peer.joins()
        assert asked["since"] == 1
        await peer.say(message(2))
        await peer.waits()

    async with scripted(script) as url, quick_client(url) as chat:
        room = chat.room("general")
        await until(lambda: room.live)
        assert chat.room("GENERAL") is room
        again = chat.room("general", since=1)
        assert again is not room
        assert await seqs(again, 1) == [2]
        assert [event async for event in room] == []


async def test_a_room_is_for_one_task() -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        await peer.joins()
        await peer.waits()

    async with scripted(script) as url, quick_client(url) as chat:
        room = chat.room("general")
        waiting = asyncio.create_task(anext(room))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="for one"):
            await anext(room)
        waiting.cancel()


async def test_a_wait_that_is_given_up_loses_no_event() -> None:
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        await peer.joins()
        await go.wait()
        await peer.say(message(1))
        await peer.waits()

    async with scripted(script) as url, quick_client(url) as chat:
        room = chat.room("general")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(room), 0.01)
        go.set()
        assert await seqs(room, 1) == [1]


async def test_the_application_gets_the_exception_of_its_store() -> None:
    class Broken(MemoryCursors):
        def save(self, key: str, cursor: Cursor) -> None:
            raise OSError("The disk is full.")

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        await peer.joins(head=4)
        await peer.waits()

    async with scripted(script) as url, quick_client(url, cursors=Broken()) as chat:
        with pytest.raises(OSError, match="The disk is full"):
            await anext(chat.room("general"))


async def test_a_slow_application_joins_again_when_it_has_taken_half() -> None:
    limits = Limits(buffered_events=4, close_seconds=0.5)

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        asked = await peer.hears("join")
        await peer.say(joined(asked), *map(message, range(1, 10)))
        await peer.hears("leave")
        asked = await peer.hears("join")
        assert asked["since"] == 4
        await peer.say(joined(asked), *map(message, range(5, 7)), caught_up(asked, 6))
        await peer.waits()

    async with scripted(script) as url, quick_client(url, limits=limits) as chat:
        room = chat.room("general", since=0)
        await until(lambda: room.caught_up)
        assert await seqs(room, 6) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "hologram", "room": "general", "seq": 5},
        {"type": "presence", "room": "general", "by": 7, "online": "perhaps"},
        {"type": "ack", "re": "nobody's", "seq": 3, "at": "x"},
        {"type": "error", "code": "bad_request", "detail": "Of another."},
        {"type": "message.created", "room": "elsewhere", "seq": 5, "at": "x"},
    ],
)
async def test_what_is_not_known_is_ignored(odd: Frame) -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME, odd)
        await peer.say(ack(await peer.hears("send")))

    async with scripted(script) as url, quick_client(url) as chat:
        await chat.send("general", "hi")


@pytest.mark.parametrize("broken", ["{", "[]", '{"type":"drain"}', '{"type":"joined"}', "7"])
async def test_what_can_not_be_read_begins_a_new_connection(broken: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        if peer.number == 1:
            await peer.say(broken)
            await peer.waits()
        await peer.say(ack(await peer.hears("send")))

    async with scripted(script) as url, quick_client(url) as chat:
        await chat.send("general", "hi")


async def test_signals_come_in_order_and_the_oldest_are_dropped() -> None:
    def typing(by: str) -> Frame:
        return {"type": "typing", "room": "general", "by": by, "on": True}

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME, *(typing(f"user{number}") for number in range(5)))
        await peer.say(ack(await peer.hears("send")))
        await peer.waits()

    limits = Limits(buffered_signals=3, close_seconds=0.5)
    async with scripted(script) as url, quick_client(url, limits=limits) as chat:
        await chat.send("general", "hi")
        found = [await anext(chat.signals) for _ in range(3)]

    assert [(s.type, s.room, s.by, s.raw["on"]) for s in found] == [
        ("typing", "general", f"user{number}", True) for number in (2, 3, 4)
    ]


async def test_typing_is_told_only_where_it_can_be_heard() -> None:
    heard: list[Frame] = []

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        await peer.joins()
        heard.append(await peer.hears())
        await peer.waits()

    async with scripted(script) as url, quick_client(url) as chat:
        room = chat.room("general")
        chat.typing("general")
        await until(lambda: room.live)
        chat.typing("elsewhere")
        chat.typing("General", on=False)
        await until(lambda: heard)

    assert heard == [{"type": "typing", "room": "general", "on": False}]


def test_times_are_times_and_what_is_missing_makes_a_plain_event() -> None:
    at = "2026-11-21T08:00:00.123Z"
    base = {"room": "den", "seq": 5, "at": at, "by": None}
    muted = parse_event({**base, "type": "member.updated", "user": "bo", "muted_until": at})
    broken = parse_event({**base, "type": "member.updated", "muted_until": "soon"})

    assert isinstance(muted, MemberUpdated)
    assert (muted.muted_until, muted.banned_until) == (muted.at, None)
    assert (type(broken), broken.seq, broken.type) == (Event, 5, "member.updated")


def test_every_type_of_the_server_has_a_class() -> None:
    for kind in EventType:
        fields = {"user": "bo", "ref": 1, "emoji": "x", "title": "t", "kind": "k", "reason": "r"}
        frame = {**message(5), "author": "bo", "as": "deleted-1", **fields, "type": kind.value}
        assert type(parse_event(frame)) is not Event, kind


def _reset(asked: Frame, reason: str) -> Frame:
    where = {"room": asked["room"], "head": 20, "first": 18, "epoch": "e2"}
    return {"type": "reset", "re": asked["id"], "reason": reason, **where}
