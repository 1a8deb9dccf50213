"""Joining, adding, roles, leaving, removing, banning and muting."""

import pytest

from app.domain.appends import Admit, AnnounceErasure, Ban, Committed, Join, Mute, Remove, Send
from app.domain.errors import (
    Banned,
    Conflict,
    Forbidden,
    Muted,
    RoomNotFound,
    Unauthorized,
    UserNotFound,
)
from app.domain.ids import Millis
from app.domain.names import erased_username
from app.domain.roles import Kind, Role
from app.domain.working_set import FOREVER
from tests.domain.env import HEAD, MINUTE, NOW, ROOM, Env, user_id

LATER = NOW + MINUTE


# Joining


def test_earlier_messages_are_read_for_a_new_member() -> None:
    env = Env(head=HEAD)

    done = env.decide("eve", Join)

    assert (done.seq, env.person("eve").read_seq) == (HEAD + 1, HEAD)
    assert (env.person("eve").role, env.person("eve").joined_at) == (Role.MEMBER, NOW)
    assert env.appended == [("member.joined", {"user": "eve"})]


def test_joining_again_changes_nothing() -> None:
    env = Env(head=HEAD)

    assert env.decide("bo", Join).seq is None
    assert env.decide("ana", Join).seq is None
    assert env.person("ana").role is Role.OWNER
    assert env.appended == []


def test_a_new_member_can_post_in_the_same_batch() -> None:
    env = Env(head=HEAD)

    env.decide("eve", Join)

    assert env.decide("eve", Send, text="hello").seq == HEAD + 2


def test_members_are_mentionable_from_joining_to_leaving() -> None:
    env = Env(head=HEAD)

    env.decide("eve", Join)
    env.decide("eve", Send, text="I am @eve", mentions=["eve"])
    env.decide("eve", Remove, user="eve")
    env.decide("bo", Send, text="who was @eve?", mentions=["eve"])

    data = [event.data for event in env.ws.events if event.type == "message.created"]
    assert data == [{"mentions": [user_id("eve")]}, None]


def test_a_private_room_can_not_be_joined_or_detected() -> None:
    env = Env(Kind.PRIVATE, head=HEAD)

    env.assert_refused(RoomNotFound, "eve", Join)
    env.assert_refused(RoomNotFound, "root", Join)
    env.assert_refused(RoomNotFound, "eve", Join, room=404)


def test_an_invitation_opens_a_private_room_except_to_the_banned() -> None:
    env = Env(Kind.PRIVATE, head=HEAD)
    env.decide("ana", Ban, user="bea", on=True, until=LATER)

    assert env.decide("eve", Join, invited=True).seq == HEAD + 2
    env.assert_refused(RoomNotFound, "bea", Join, invited=True)
    assert env.decide("bea", Join, at=LATER, invited=True).seq == HEAD + 3


def test_an_invitation_needs_an_enabled_user_and_a_room() -> None:
    env = Env(Kind.PRIVATE, head=HEAD)

    env.assert_refused(RoomNotFound, None, Join, invited=True)
    env.assert_refused(RoomNotFound, "eve", Join, room=404, invited=True)
    env.assert_refused(Unauthorized, "dis", Join, invited=True)


def test_an_archived_room_can_not_be_joined() -> None:
    env = Env(archived=True, head=HEAD)

    env.assert_refused(Forbidden, "eve", Join)
    env.assert_refused(Forbidden, "eve", Join, invited=True)
    assert env.decide("bo", Join).seq is None


# Adding, and roles


def test_adding_oneself_is_joining() -> None:
    env = Env(head=HEAD)

    env.decide("eve", Admit, user="eve")

    assert env.appended == [("member.joined", {"user": "eve"})]


@pytest.mark.parametrize("who", ["mo", "ana", "root", None])
def test_moderators_and_above_add_members(who: str | None) -> None:
    env = Env(head=HEAD)

    env.decide(who, Admit, user="eve")

    assert env.appended == [("member.joined", {"user": "eve"})]
    assert env.person("eve").role is Role.MEMBER


@pytest.mark.parametrize("who", ["bo", "eve"])
def test_members_and_below_add_no_members(who: str) -> None:
    env = Env(head=HEAD)

    env.assert_refused(Forbidden, who, Admit, user="root")


def test_an_owner_adds_a_member_with_a_role() -> None:
    env = Env(head=HEAD)

    env.decide("ana", Admit, user="eve", role=Role.MODERATOR)

    assert env.appended == [
        ("member.joined", {"user": "eve"}),
        ("member.updated", {"user": "eve", "role": "moderator"}),
    ]
    env.assert_refused(Forbidden, "mo", Admit, user="root", role=Role.MODERATOR)


def test_only_an_owner_changes_roles() -> None:
    env = Env(head=HEAD)

    for who in ("bo", "mo"):
        env.assert_refused(Forbidden, who, Admit, user="bo", role=Role.MODERATOR)
        env.assert_refused(Forbidden, who, Admit, user="ana", role=Role.MEMBER)
    env.assert_refused(Forbidden, "eve", Admit, user="eve", role=Role.OWNER)
    env.decide("ana", Admit, user="bo", role=Role.MODERATOR)

    assert env.appended == [("member.updated", {"user": "bo", "role": "moderator"})]


def test_no_role_or_the_same_role_changes_nothing() -> None:
    env = Env(head=HEAD)

    unchanged = Committed(None, Millis(NOW + 5), room=ROOM)
    assert env.decide("bo", Admit, at=NOW + 5, user="mo") == unchanged
    assert env.decide("bo", Admit, at=NOW + 5, user="mo", role=Role.MODERATOR) == unchanged
    assert env.appended == []


def test_a_room_always_has_an_owner() -> None:
    env = Env(head=HEAD)

    env.assert_refused(Conflict, "ana", Admit, user="ana", role=Role.MEMBER)
    env.assert_refused(Conflict, "ana", Remove, user="ana")
    env.assert_refused(Conflict, "root", Remove, user="ana")
    env.assert_refused(Conflict, "root", Ban, user="ana", on=True)
    env.assert_refused(Conflict, None, Remove, user="ana")


def test_ownership_is_transferred_by_adding_an_owner_and_stepping_down() -> None:
    env = Env(head=HEAD)

    env.decide("ana", Admit, user="bo", role=Role.OWNER)
    env.decide("ana", Admit, user="ana", role=Role.MEMBER)

    assert (env.person("bo").role, env.person("ana").role) == (Role.OWNER, Role.MEMBER)
    env.assert_refused(Conflict, "bo", Remove, user="bo")
    env.decide("bo", Remove, user="ana")


def test_of_two_owners_who_leave_in_one_batch_one_stays() -> None:
    env = Env(head=HEAD)
    env.decide("ana", Admit, user="bo", role=Role.OWNER)

    env.decide("ana", Remove, user="ana")

    env.assert_refused(Conflict, "bo", Remove, user="bo")


@pytest.mark.parametrize(
    ("whom", "error"),
    [
        pytest.param("dis", UserNotFound, id="disabled"),
        pytest.param("unknown", UserNotFound, id="unknown"),
    ],
)
def test_disabled_and_unknown_users_are_not_added(whom: str, error: type[UserNotFound]) -> None:
    env = Env(head=HEAD)
    env.person("dis").role = None

    env.assert_refused(error, "ana", Admit, user=whom)


def test_the_banned_are_not_added_until_the_ban_ends() -> None:
    env = Env(head=HEAD)
    env.decide("mo", Ban, user="bo", on=True, until=LATER)

    env.assert_refused(Conflict, "mo", Admit, user="bo")
    assert env.decide("mo", Admit, at=LATER, user="bo").seq is not None


# Leaving and removing


def test_leaving_twice_is_one_event() -> None:
    env = Env(head=HEAD)

    env.decide("bo", Remove, user="bo")
    again = env.decide("bo", Remove, user="bo")

    assert again.seq is None
    assert env.appended == [("member.left", {"user": "bo", "reason": "left"})]
    env.assert_refused(Forbidden, "bo", Send, text="hello?")


def test_an_archived_room_can_be_left() -> None:
    env = Env(archived=True, head=HEAD)

    env.decide("bo", Remove, user="bo")

    assert env.appended == [("member.left", {"user": "bo", "reason": "left"})]


def test_a_moderator_removes_members_only() -> None:
    env = Env(head=HEAD)

    env.decide("mo", Remove, user="bo")

    assert env.appended == [("member.left", {"user": "bo", "reason": "removed"})]
    assert env.decide("mo", Remove, user="bo").seq is None
    env.assert_refused(Forbidden, "mo", Remove, user="max")
    env.assert_refused(Forbidden, "mo", Remove, user="ana")
    env.assert_refused(Forbidden, "bea", Remove, user="dis")
    env.assert_refused(Forbidden, "eve", Remove, user="dis")
    env.assert_refused(UserNotFound, "mo", Remove, user="unknown")


def test_the_operator_removes_members_from_archived_and_direct_rooms() -> None:
    env, direct = Env(archived=True, head=HEAD), Env(Kind.DIRECT, head=HEAD)

    env.decide(None, Remove, user="ana")
    direct.decide(None, Remove, user="bo")

    assert env.appended == [("member.left", {"user": "ana", "reason": "removed"})]
    assert direct.appended == [("member.left", {"user": "bo", "reason": "removed"})]


# Bans


def test_a_ban_ends_the_membership_and_prevents_joining() -> None:
    env = Env(head=HEAD)

    env.decide("mo", Ban, user="bo", on=True)

    assert env.appended == [("member.left", {"user": "bo", "reason": "banned"})]
    assert env.person("bo").banned_until == FOREVER
    env.assert_refused(Banned, "bo", Join)
    env.assert_refused(Banned, "bo", Send, text="hello?")
    env.assert_refused(Banned, "bo", Admit, user="bo")


def test_a_ban_of_a_non_member_is_stored() -> None:
    env = Env(head=HEAD)

    env.decide("mo", Ban, user="eve", on=True, until=LATER)

    assert env.appended == [("member.updated", {"user": "eve", "banned_until": LATER})]
    env.assert_refused(Banned, "eve", Join)
    assert env.decide("eve", Join, at=LATER).seq is not None


def test_a_ban_is_changed_lifted_and_not_repeated() -> None:
    env = Env(head=HEAD)

    env.decide("mo", Ban, user="eve", on=True, until=LATER)
    same = env.decide("mo", Ban, user="eve", on=True, until=LATER)
    env.decide("mo", Ban, user="eve", on=True)
    env.decide("mo", Ban, user="eve", on=False)
    again = env.decide("mo", Ban, user="eve", on=False)

    assert same.seq is again.seq is None
    bans = [data["banned_until"] for _, data in env.appended if data]
    assert bans == [LATER, FOREVER, None]
    assert env.person("eve").role is None
    assert env.decide("eve", Join).seq is not None


def test_lifting_an_expired_ban_changes_nothing() -> None:
    env = Env(head=HEAD)
    env.decide("mo", Ban, user="eve", on=True, until=LATER)

    assert env.decide("mo", Ban, at=LATER, user="eve", on=False).seq is None
    assert env.decide("mo", Ban, at=LATER, user="eve", on=True, until=LATER + 1).seq is not None


def test_users_who_can_not_be_banned() -> None:
    env = Env(head=HEAD)

    env.assert_refused(Conflict, "mo", Ban, user="mo", on=True)
    env.assert_refused(Forbidden, "mo", Ban, user="max", on=True)
    env.assert_refused(Forbidden, "mo", Ban, user="ana", on=True)
    env.assert_refused(Forbidden, "bo", Ban, user="eve", on=True)
    env.assert_refused(UserNotFound, "mo", Ban, user="unknown", on=True)


def test_a_ban_ends_the_role() -> None:
    env = Env(head=HEAD)

    env.decide("ana", Ban, user="mo", on=True, until=LATER)
    env.decide("mo", Join, at=LATER)

    assert env.person("mo").role is Role.MEMBER


# Erasure


def test_an_erasure_tells_by_which_name_the_messages_go() -> None:
    env = Env(head=HEAD)

    done = env.decide(None, AnnounceErasure, user="bo")

    assert done.seq == HEAD + 1
    name = erased_username(env.person("bo").user)
    assert env.appended == [("user.erased", {"user": "bo", "as": name})]


# Mutes


def test_a_muted_member_can_not_post_until_it_ends() -> None:
    env = Env(head=HEAD)

    env.decide("mo", Mute, user="bo", on=True, until=LATER)

    refused = env.assert_refused(Muted, "bo", Send, text="hm")
    assert refused.retry_after == MINUTE / 1000
    assert env.decide("bo", Send, at=LATER, text="at last").seq is not None


def test_a_mute_is_changed_lifted_and_not_repeated() -> None:
    env = Env(head=HEAD)

    env.decide("mo", Mute, user="bo", on=True)
    same = env.decide("mo", Mute, user="bo", on=True)
    env.decide("mo", Mute, user="bo", on=True, until=LATER)
    env.decide("mo", Mute, user="bo", on=False)
    again = env.decide("mo", Mute, user="bo", on=False)

    assert same.seq is again.seq is None
    assert [data for _, data in env.appended] == [
        {"user": "bo", "muted_until": FOREVER},
        {"user": "bo", "muted_until": LATER},
        {"user": "bo", "muted_until": None},
    ]


def test_a_mute_survives_leaving_and_rejoining() -> None:
    env = Env(head=HEAD)
    env.decide("mo", Mute, user="bo", on=True, until=LATER)

    env.decide("bo", Remove, user="bo")
    env.decide("bo", Join)

    assert env.appended[-2:] == [
        ("member.joined", {"user": "bo"}),
        ("member.updated", {"user": "bo", "muted_until": LATER}),
    ]
    env.assert_refused(Muted, "bo", Send, text="ha")
    env.decide("bo", Remove, user="bo")
    env.decide("bo", Join, at=LATER)
    assert env.person("bo").muted_until is None


def test_users_who_can_not_be_muted() -> None:
    env = Env(head=HEAD)

    env.assert_refused(Conflict, "mo", Mute, user="mo", on=True)
    env.assert_refused(Conflict, "mo", Mute, user="eve", on=True)
    env.assert_refused(Forbidden, "mo", Mute, user="max", on=True)
    env.assert_refused(Forbidden, "bo", Mute, user="bea", on=True)
    env.assert_refused(UserNotFound, "mo", Mute, user="unknown", on=True)
    assert env.decide("mo", Mute, user="eve", on=False).seq is None


# Direct rooms


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        pytest.param(Admit, {"user": "eve"}, id="add"),
        pytest.param(Admit, {"user": "bo", "role": Role.OWNER}, id="promote"),
        pytest.param(Remove, {"user": "ana"}, id="leave"),
        pytest.param(Remove, {"user": "bo"}, id="remove"),
        pytest.param(Ban, {"user": "bo", "on": True}, id="ban"),
        pytest.param(Mute, {"user": "bo", "on": True}, id="mute"),
    ],
)
def test_the_members_of_a_direct_room_can_not_be_changed(
    kind: type, what: dict[str, object]
) -> None:
    env = Env(Kind.DIRECT, head=HEAD)

    env.assert_refused(Forbidden, "ana", kind, **what)
    env.assert_refused(RoomNotFound, "eve", kind, **what)
    env.assert_refused(RoomNotFound, "root", kind, **what)
