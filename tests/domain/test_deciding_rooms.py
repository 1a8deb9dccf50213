"""Making rooms, changing them, and the room of two."""

import pytest

from app.domain.appends import CreateRoom, OpenDirect, Send, UpdateRoom
from app.domain.authority import NOBODY
from app.domain.deciding_rooms import direct_key
from app.domain.errors import (
    Conflict,
    Forbidden,
    RoomExists,
    RoomNotFound,
    Unauthorized,
    UserNotFound,
)
from app.domain.ids import UserId
from app.domain.roles import Kind, Role
from tests.domain.den import DEN, HEAD, NEXT, NOW, Den, user

ATTIC = {"room": NOBODY, "name": "attic", "title": "The attic", "kind": Kind.PUBLIC}


# Making


def test_a_room_begins_with_its_making_and_an_owner() -> None:
    den = Den()

    done = den.does("eve", CreateRoom, **ATTIC)

    assert (done.seq, done.room) == (1, NEXT)
    (event,) = den.ws.events
    assert (event.room, event.type, event.by, event.at) == (
        NEXT,
        "room.created",
        user("eve"),
        NOW,
    )
    assert event.data == {"title": "The attic", "kind": "public", "slow_mode_seconds": 0}
    assert den.ws.people[NEXT, user("eve")].role is Role.OWNER
    assert den.ws.owners[NEXT] == {user("eve")}


def test_its_owner_can_speak_in_the_same_batch() -> None:
    den = Den()
    den.does("eve", CreateRoom, **ATTIC)

    assert den.does("eve", Send, room=NEXT, text="first").seq == 2


def test_a_name_is_taken_also_by_a_room_of_the_same_batch() -> None:
    den = Den()
    den.does("eve", CreateRoom, **ATTIC)

    den.refuses(RoomExists, "bo", CreateRoom, **ATTIC)
    den.refuses(RoomExists, "bo", CreateRoom, **{**ATTIC, "name": "den"})


def test_the_operator_owns_nothing() -> None:
    den = Den()

    den.does(None, CreateRoom, **ATTIC)

    assert den.ws.events[0].by is None
    assert all(room != NEXT for room, _ in den.ws.people)


def test_a_disabled_user_makes_no_room() -> None:
    den = Den()

    den.refuses(Unauthorized, "dis", CreateRoom, **ATTIC)
    den.refuses(Unauthorized, "dis", OpenDirect, room=NOBODY, user="bo", name="dm-1")


# Changing


@pytest.mark.parametrize("who", ["mo", "ana", "root", None])
def test_moderators_and_those_above_change_a_room(who: str | None) -> None:
    den = Den()

    den.does(who, UpdateRoom, title="New", slow_mode_seconds=30)

    assert den.happened == [("room.updated", {"title": "New", "slow_mode_seconds": 30})]
    assert (den.room.title, den.room.slow_mode_seconds) == ("New", 30)


@pytest.mark.parametrize("who", ["bo", "eve"])
def test_nobody_below_changes_a_room(who: str) -> None:
    den = Den()

    den.refuses(Forbidden, who, UpdateRoom, title="New")
    den.refuses(Forbidden, who, UpdateRoom, slow_mode_seconds=1)
    den.refuses(Forbidden, who, UpdateRoom, archived=True)
    den.refuses(Forbidden, who, UpdateRoom, archived=False)


def test_what_is_as_it_was_stores_nothing() -> None:
    den = Den()

    assert den.does("mo", UpdateRoom, title="The den", slow_mode_seconds=0).seq is None
    assert den.does("bo", UpdateRoom).seq is None
    assert den.does("ana", UpdateRoom, archived=False).seq is None
    den.does("mo", UpdateRoom, title="The den", slow_mode_seconds=5)

    assert den.happened == [("room.updated", {"slow_mode_seconds": 5})]


def test_only_an_owner_archives_and_reopens() -> None:
    den = Den()

    den.refuses(Forbidden, "mo", UpdateRoom, archived=True)
    den.does("ana", UpdateRoom, archived=True)
    assert den.does("ana", UpdateRoom, archived=True).seq is None
    den.refuses(Forbidden, "mo", UpdateRoom, archived=False)
    den.does("ana", UpdateRoom, archived=False)

    assert [kind for kind, _ in den.happened] == ["room.archived", "room.reopened"]
    assert den.room.archived_at is None


def test_an_archived_room_takes_no_change_but_reopening() -> None:
    den = Den(archived=True)

    den.refuses(Forbidden, "ana", UpdateRoom, title="New")
    den.refuses(Forbidden, "ana", UpdateRoom, title="New", archived=True)
    done = den.does("ana", UpdateRoom, title="New", archived=False)

    assert [kind for kind, _ in den.happened] == ["room.reopened", "room.updated"]
    assert done.seq == HEAD + 2


def test_a_last_change_comes_before_the_archiving() -> None:
    den = Den()

    den.does("ana", UpdateRoom, title="Closed", archived=True)

    assert [kind for kind, _ in den.happened] == ["room.updated", "room.archived"]


def test_a_room_that_one_can_not_see_is_not_there() -> None:
    den = Den(Kind.PRIVATE)

    den.refuses(RoomNotFound, "eve", UpdateRoom, title="New")
    den.refuses(RoomNotFound, "root", UpdateRoom, title="New")
    den.refuses(RoomNotFound, "ana", UpdateRoom, room=404, title="New")
    den.refuses(RoomNotFound, None, UpdateRoom, room=404, title="New", as_operator=True)


def test_a_direct_room_has_nothing_to_set_but_for_the_operator() -> None:
    den = Den(Kind.DIRECT)

    den.refuses(Forbidden, "ana", UpdateRoom, title="Us")
    den.refuses(Forbidden, "ana", UpdateRoom, archived=True)
    den.does(None, UpdateRoom, archived=True, as_operator=True)

    assert den.happened == [("room.archived", None)]


# The room of two


def test_a_direct_room_is_made_once_whoever_asks() -> None:
    den = Den()

    first = den.does("bo", OpenDirect, room=NOBODY, user="eve", name="dm-1")
    second = den.does("eve", OpenDirect, room=NOBODY, user="bo", name="dm-2")

    assert (first.room, first.seq) == (NEXT, 2)
    assert (second.room, second.seq) == (NEXT, None)
    room = den.ws.rooms[NEXT]
    assert (room.name, room.kind, room.direct_key) == (
        "dm-1",
        Kind.DIRECT,
        direct_key(user("bo"), user("eve")),
    )
    assert [kind for kind, _ in den.happened] == ["room.created", "member.joined"]
    for name in ("bo", "eve"):
        assert den.ws.people[NEXT, user(name)].role is Role.MEMBER


def test_one_that_exists_is_found() -> None:
    den = Den()
    den.ws.direct_rooms[direct_key(user("eve"), user("bo"))] = DEN

    assert den.does("bo", OpenDirect, room=NOBODY, user="eve", name="dm-1").room == DEN
    assert den.happened == []


def test_with_whom_there_is_no_direct_room() -> None:
    den = Den()

    den.refuses(Conflict, "bo", OpenDirect, room=NOBODY, user="bo", name="dm-1")
    den.refuses(UserNotFound, "bo", OpenDirect, room=NOBODY, user="nobody", name="dm-1")
    den.refuses(UserNotFound, "bo", OpenDirect, room=NOBODY, user="dis", name="dm-1")
    den.refuses(Forbidden, None, OpenDirect, room=NOBODY, user="bo", name="dm-1")


def test_the_blocked_open_no_direct_room_not_even_one_that_exists() -> None:
    den = Den()
    den.does("bo", OpenDirect, room=NOBODY, user="eve", name="dm-1")
    den.ws.blocks.add((user("bo"), user("eve")))

    den.refuses(Forbidden, "eve", OpenDirect, room=NOBODY, user="bo", name="dm-2")
    assert den.does("bo", OpenDirect, room=NOBODY, user="eve", name="dm-2").room == NEXT


def test_the_key_of_two_users_is_the_same_from_both_sides() -> None:
    assert direct_key(UserId(10), UserId(9)) == direct_key(UserId(9), UserId(10)) == "9:10"
