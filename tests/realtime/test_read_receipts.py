"""Read markers, and the signal to a small room."""

import pytest

from app.domain.appends import Ban, Join, Remove, Send
from app.domain.errors import Banned, Forbidden, RoomNotFound
from app.domain.ids import RoomId
from app.domain.limits import MAX_MEMBERS_FOR_READ_SIGNALS
from app.domain.roles import Kind
from tests.harness.server import Server


async def move(server: Server, name: str, room: str, seq: int, **how):
    person = await server.person(name)
    return await server.runtime.realtime.read_receipts.move(
        server.room_id(room), person.user, name, seq, **how
    )


async def place(server: Server, name: str, room: str, seq: int):
    person = await server.person(name)
    return await server.runtime.realtime.read_receipts.place(
        server.room_id(room), person.user, name, seq
    )


async def view(server: Server, name: str, room: str):
    person = await server.person(name)
    return await server.runtime.rooms.room_views.get(server.room_id(room), person.user)


async def test_a_marker_moves_forward_up_to_the_head(server: Server) -> None:
    await server.room("den", members=["bo"])
    await server.append(Send, "den", by="ana", text="one")
    await server.append(Send, "den", by="ana", text="two")

    moved = [await move(server, "bo", "den", seq) for seq in (3, 2, 10**6)]

    assert [(view.read, view.unread) for view in moved] == [(3, 1), (3, 1), (4, 0)]


async def test_a_marker_is_stored_with_the_next_batch(server: Server) -> None:
    await server.room("den", members=["bo"])
    await move(server, "bo", "den", 2)
    await server.append(Send, "den", by="ana", text="one")

    assert server.runtime.log.receipts.take() == []
    assert (await move(server, "bo", "den", 0)).read == 2


async def test_only_members_have_read_markers(server: Server) -> None:
    await server.room("den", kind=Kind.PRIVATE)
    await server.room("hall", members=["bo"])
    bo = await server.person("bo")
    await server.append(Ban, "hall", by="ana", user=bo.user, on=True)

    for name, room, error in (
        ("eve", "den", RoomNotFound),
        ("eve", "hall", Forbidden),
        ("bo", "hall", Banned),
    ):
        with pytest.raises(error):
            await move(server, name, room, 1)
    with pytest.raises(RoomNotFound):
        await server.runtime.realtime.read_receipts.move(RoomId(404), bo.user, "bo", 1)


@pytest.mark.parametrize("more", [0, 1])
async def test_the_signal_is_sent_in_small_rooms_only(server: Server, more: int) -> None:
    others = [f"guest-{number}" for number in range(MAX_MEMBERS_FOR_READ_SIGNALS - 2 + more)]
    await server.room("den", members=["bo", *others])
    ana = await server.joins("ana", "den")

    await move(server, "bo", "den", 2)

    await ana.nothing_more()
    received = [frame for frame in ana.heard if frame["type"] == "read"]
    expected = [] if more else [{"type": "read", "room": "den", "by": "bo", "seq": 2}]
    assert received == expected


async def test_the_connection_that_asks_gets_a_reply_instead_of_the_signal(server: Server) -> None:
    await server.room("den", members=["bo"])
    ana, bo = await server.joins("ana", "den"), await server.joins("bo", "den")

    reply = await bo.ask("read", seq=2)
    await bo.nothing_more()

    assert (reply["type"], reply["read"]) == ("ack", 2)
    assert not [frame for frame in bo.heard if frame["type"] == "read"]
    assert (await ana.hears("read"))["seq"] == 2


# Mark as unread


async def test_all_own_connections_are_told_of_a_placed_marker(server: Server) -> None:
    await server.room("den", members=["bo"])
    ana, bo = await server.joins("ana", "den"), await server.joins("bo", "den")
    elsewhere = await server.connects("bo")
    await elsewhere.hears("welcome")
    sent = await ana.ask("send", text="@bo")
    for line in (ana, bo):
        await line.hears_until(sent["seq"])
    await bo.ask("read", seq=sent["seq"])
    assert (await ana.hears("read"))["seq"] == 3

    reply = await bo.ask("read", seq=2, force=True)

    assert (reply["read"], reply["unread"], reply["mentions"]) == (2, 1, 1)
    assert await elsewhere.hears("read") == {
        "type": "read",
        "room": "den",
        "by": "bo",
        "seq": 2,
        "unread": 1,
        "mentions": 1,
        "as_of": 3,
    }
    # A later read goes on from there; others have seen it.
    await bo.ask("read", seq=3)
    assert (await elsewhere.hears("read"))["unread"] == 0
    await ana.nothing_more()
    assert {frame["seq"] for frame in ana.heard if frame["type"] == "read"} == {3}


async def test_a_mark_from_before_does_not_undo_a_placed_marker(server: Server) -> None:
    await server.room("den", members=["bo"])
    bo = await server.person("bo")
    await server.append(Send, "den", by="ana", text="one")
    before = await view(server, "bo", "den")
    await move(server, "bo", "den", 3)

    placed = await place(server, "bo", "den", 2)
    # As if it had been read before, and arrived late.
    receipts = server.runtime.log.receipts
    receipts.move(before.room, bo.user, 3, moves=before.read_moves)
    waiting = await view(server, "bo", "den")
    await server.append(Send, "den", by="ana", text="two")
    written = await view(server, "bo", "den")

    assert (placed.read, placed.unread) == (2, 1)
    assert (waiting.read, written.read, written.unread) == (2, 2, 2)
    assert written.receipt == 3
    assert (await move(server, "bo", "den", 4)).read == 4


async def test_joining_again_ends_a_placed_marker(server: Server) -> None:
    await server.room("den", members=["bo"])
    await place(server, "bo", "den", 0)

    bo = await server.person("bo")
    await server.append(Remove, "den", by="ana", user=bo.user)
    await server.append(Join, "den", by="bo")

    seen = await view(server, "bo", "den")
    assert (seen.read, seen.unread) == (3, 0)
