"""Creating and changing rooms, and direct rooms."""

import pytest

from app.domain.appends import Committed, CreateRoom, OpenDirect, Send, UpdateRoom
from app.domain.decide_rooms import direct_key
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
from app.domain.working_set import NO_ROOM
from tests.domain.env import HEAD, NEXT_ROOM, NOW, ROOM, Env, user_id

ATTIC = {"room": NO_ROOM, "name": "attic", "title": "The attic", "kind": Kind.PUBLIC}


# Creating


def test_a_new_room_has_an_event_and_an_owner() -> None:
    env = Env(head=HEAD)

    done = env.decide("eve", CreateRoom, **ATTIC)

    assert (done.seq, done.room) == (1, NEXT_ROOM)
    (event,) = env.ws.events
    assert (event.room, event.type, event.by, event.at) == (
        NEXT_ROOM,
        "room.created",
        user_id("eve"),
        NOW,
    )
    assert event.data == {"title": "The attic", "kind": "public", "slow_mode_seconds": 0}
    assert env.ws.people[NEXT_ROOM, user_id("eve")].role is Role.OWNER
    assert env.ws.owners[NEXT_ROOM] == {user_id("eve")}


def test_a_new_room_has_the_requested_fields() -> None:
    env = Env()

    env.decide("eve", CreateRoom, **{**ATTIC, "kind": Kind.PRIVATE})

    room = env.ws.rooms[NEXT_ROOM]
    assert (room.name, room.title, room.kind) == ("attic", "The attic", Kind.PRIVATE)
    assert (room.head, room.first, room.slow_mode_seconds) == (1, 1, 0)
    assert (room.created_at, room.archived_at, room.is_new) == (NOW, None, True)
    assert env.ws.room_names["attic"] == NEXT_ROOM


def test_the_owner_can_post_in_the_same_batch() -> None:
    env = Env(head=HEAD)
    env.decide("eve", CreateRoom, **ATTIC)

    assert env.decide("eve", Send, room=NEXT_ROOM, text="first").seq == 2


def test_a_name_is_taken_by_a_room_of_the_same_batch() -> None:
    env = Env(head=HEAD)
    env.decide("eve", CreateRoom, **ATTIC)

    env.assert_refused(RoomExists, "bo", CreateRoom, **ATTIC)
    env.assert_refused(RoomExists, "bo", CreateRoom, **{**ATTIC, "name": "den"})


def test_a_room_of_the_operator_has_no_owner() -> None:
    env = Env(head=HEAD)

    env.decide(None, CreateRoom, **ATTIC)

    assert env.ws.events[0].by is None
    assert all(room != NEXT_ROOM for room, _ in env.ws.people)


def test_a_disabled_user_creates_no_room() -> None:
    env = Env(head=HEAD)

    env.assert_refused(Unauthorized, "dis", CreateRoom, **ATTIC)
    env.assert_refused(Unauthorized, "dis", OpenDirect, room=NO_ROOM, user="bo", name="dm-1")


# Changing


@pytest.mark.parametrize("who", ["mo", "ana", "root", None])
def test_moderators_and_above_change_a_room(who: str | None) -> None:
    env = Env(head=HEAD)

    env.decide(who, UpdateRoom, title="New", slow_mode_seconds=30)

    assert env.appended == [("room.updated", {"title": "New", "slow_mode_seconds": 30})]
    assert (env.room.title, env.room.slow_mode_seconds) == ("New", 30)


@pytest.mark.parametrize("who", ["bo", "eve"])
def test_members_and_below_do_not_change_a_room(who: str) -> None:
    env = Env(head=HEAD)

    env.assert_refused(Forbidden, who, UpdateRoom, title="New")
    env.assert_refused(Forbidden, who, UpdateRoom, slow_mode_seconds=1)
    env.assert_refused(Forbidden, who, UpdateRoom, archived=True)
    env.assert_refused(Forbidden, who, UpdateRoom, archived=False)


def test_unchanged_values_store_nothing() -> None:
    env = Env(head=HEAD)

    assert env.decide("mo", UpdateRoom, title="The den", slow_mode_seconds=0).seq is None
    assert env.decide("bo", UpdateRoom).seq is None
    assert env.decide("ana", UpdateRoom, archived=False).seq is None
    env.decide("mo", UpdateRoom, title="The den", slow_mode_seconds=5)

    assert env.appended == [("room.updated", {"slow_mode_seconds": 5})]


def test_only_an_owner_archives_and_reopens() -> None:
    env = Env(head=HEAD)

    env.assert_refused(Forbidden, "mo", UpdateRoom, archived=True)
    env.decide("ana", UpdateRoom, archived=True)
    assert env.decide("ana", UpdateRoom, archived=True).seq is None
    env.assert_refused(Forbidden, "mo", UpdateRoom, archived=False)
    env.decide("ana", UpdateRoom, archived=False)

    assert [kind for kind, _ in env.appended] == ["room.archived", "room.reopened"]
    assert env.room.archived_at is None


def test_an_archived_room_can_only_be_reopened() -> None:
    env = Env(archived=True, head=HEAD)

    env.assert_refused(Forbidden, "ana", UpdateRoom, title="New")
    env.assert_refused(Forbidden, "ana", UpdateRoom, title="New", archived=True)
    done = env.decide("ana", UpdateRoom, title="New", archived=False)

    assert [kind for kind, _ in env.appended] == ["room.reopened", "room.updated"]
    assert done.seq == HEAD + 2


def test_changes_come_before_the_archiving() -> None:
    env = Env(head=HEAD)

    env.decide("ana", UpdateRoom, title="Closed", archived=True)

    assert [kind for kind, _ in env.appended] == ["room.updated", "room.archived"]


def test_an_invisible_room_is_not_found() -> None:
    env = Env(Kind.PRIVATE, head=HEAD)

    env.assert_refused(RoomNotFound, "eve", UpdateRoom, title="New")
    env.assert_refused(RoomNotFound, "root", UpdateRoom, title="New")
    env.assert_refused(RoomNotFound, "ana", UpdateRoom, room=404, title="New")
    env.assert_refused(RoomNotFound, None, UpdateRoom, room=404, title="New", as_operator=True)


def test_only_the_operator_changes_a_direct_room() -> None:
    env = Env(Kind.DIRECT, head=HEAD)

    env.assert_refused(Forbidden, "ana", UpdateRoom, title="Us")
    env.assert_refused(Forbidden, "ana", UpdateRoom, archived=True)
    env.decide(None, UpdateRoom, archived=True, as_operator=True)

    assert env.appended == [("room.archived", None)]


@pytest.mark.parametrize("what", [{"title": "Ours"}, {"archived": True}], ids=["title", "archive"])
def test_a_change_marks_the_room_as_changed(what: dict[str, object]) -> None:
    env = Env()
    env.send("bo")
    assert not env.room.changed

    env.decide("ana", UpdateRoom, **what)

    assert env.room.changed


@pytest.mark.parametrize(
    "what", [{"title": "The den"}, {"archived": False}], ids=["title", "open"]
)
def test_an_update_that_changes_nothing_has_no_seq(what: dict[str, object]) -> None:
    assert Env().decide("ana", UpdateRoom, at=NOW + 5, **what) == Committed(
        None, NOW + 5, room=ROOM
    )


def test_an_update_returns_its_last_seq() -> None:
    env = Env(head=HEAD)

    committed = env.decide("ana", UpdateRoom, at=NOW + 5, title="Ours", archived=True)

    assert committed == Committed(HEAD + 2, NOW + 5, room=ROOM)
    assert {event.at for event in env.ws.events} == {NOW + 5}


def test_reopening_is_one_event() -> None:
    env = Env(archived=True, head=HEAD)

    committed = env.decide("ana", UpdateRoom, at=NOW + 5, archived=False)

    assert committed == Committed(HEAD + 1, NOW + 5, room=ROOM)
    assert [(event.type, event.at) for event in env.ws.events] == [("room.reopened", NOW + 5)]


# Direct rooms


def test_a_direct_room_is_created_once_by_either_user() -> None:
    env = Env(head=HEAD)

    first = env.decide("bo", OpenDirect, room=NO_ROOM, user="eve", name="dm-1")
    second = env.decide("eve", OpenDirect, room=NO_ROOM, user="bo", name="dm-2")

    assert (first.room, first.seq) == (NEXT_ROOM, 2)
    assert (second.room, second.seq) == (NEXT_ROOM, None)
    room = env.ws.rooms[NEXT_ROOM]
    assert (room.name, room.kind, room.direct_key) == (
        "dm-1",
        Kind.DIRECT,
        direct_key(user_id("bo"), user_id("eve")),
    )
    assert [kind for kind, _ in env.appended] == ["room.created", "member.joined"]
    for name in ("bo", "eve"):
        assert env.ws.people[NEXT_ROOM, user_id(name)].role is Role.MEMBER


def test_a_direct_room_has_two_members_and_an_event_for_the_second() -> None:
    env = Env()

    committed = env.decide("ana", OpenDirect, room=NO_ROOM, user="bo", name="dm-1")

    assert (committed.room, env.ws.rooms[NEXT_ROOM].title) == (NEXT_ROOM, "")
    assert env.appended[-1] == ("member.joined", {"user": "bo"})
    members = {user for room, user in env.ws.people if room == NEXT_ROOM}
    assert members == {user_id("ana"), user_id("bo")}


def test_an_existing_direct_room_is_returned() -> None:
    env = Env(head=HEAD)
    env.ws.direct_rooms[direct_key(user_id("eve"), user_id("bo"))] = ROOM

    assert env.decide("bo", OpenDirect, room=NO_ROOM, user="eve", name="dm-1").room == ROOM
    assert env.appended == []


def test_users_without_a_direct_room() -> None:
    env = Env(head=HEAD)

    env.assert_refused(Conflict, "bo", OpenDirect, room=NO_ROOM, user="bo", name="dm-1")
    env.assert_refused(UserNotFound, "bo", OpenDirect, room=NO_ROOM, user="unknown", name="dm-1")
    env.assert_refused(UserNotFound, "bo", OpenDirect, room=NO_ROOM, user="dis", name="dm-1")
    env.assert_refused(Forbidden, None, OpenDirect, room=NO_ROOM, user="bo", name="dm-1")


def test_a_blocked_user_opens_no_direct_room_even_if_it_exists() -> None:
    env = Env(head=HEAD)
    env.decide("bo", OpenDirect, room=NO_ROOM, user="eve", name="dm-1")
    env.ws.blocks.add((user_id("bo"), user_id("eve")))

    env.assert_refused(Forbidden, "eve", OpenDirect, room=NO_ROOM, user="bo", name="dm-2")
    assert env.decide("bo", OpenDirect, room=NO_ROOM, user="eve", name="dm-2").room == NEXT_ROOM


def test_the_direct_key_is_symmetric() -> None:
    assert direct_key(UserId(10), UserId(9)) == direct_key(UserId(9), UserId(10)) == "9:10"
