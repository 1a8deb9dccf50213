"""Joining, adding, roles, leaving, removing, banning and muting."""

import pytest

from app.domain.appends import Admit, Ban, Join, Mute, Remove, Send
from app.domain.errors import (
    Banned,
    Conflict,
    Forbidden,
    Muted,
    RoomNotFound,
    Unauthorized,
    UserNotFound,
)
from app.domain.roles import Kind, Role
from app.domain.working_set import FOREVER
from tests.domain.den import HEAD, MINUTE, NOW, Den, user

LATER = NOW + MINUTE


# Joining


def test_whoever_joins_has_read_what_was_said_before() -> None:
    den = Den()

    done = den.does("eve", Join)

    assert (done.seq, den.person("eve").read_seq) == (HEAD + 1, HEAD)
    assert (den.person("eve").role, den.person("eve").joined_at) == (Role.MEMBER, NOW)
    assert den.happened == [("member.joined", {"user": "eve"})]


def test_joining_again_changes_nothing() -> None:
    den = Den()

    assert den.does("bo", Join).seq is None
    assert den.does("ana", Join).seq is None
    assert den.person("ana").role is Role.OWNER
    assert den.happened == []


def test_a_new_member_can_speak_in_the_same_batch() -> None:
    den = Den()

    den.does("eve", Join)

    assert den.does("eve", Send, text="hello").seq == HEAD + 2


def test_a_new_member_can_be_mentioned_and_one_who_left_can_not() -> None:
    den = Den()

    den.does("eve", Join)
    den.does("eve", Send, text="I am @eve", mentions=["eve"])
    den.does("eve", Remove, user="eve")
    den.does("bo", Send, text="who was @eve?", mentions=["eve"])

    said = [event.data for event in den.ws.events if event.type == "message.created"]
    assert said == [{"mentions": [user("eve")]}, None]


def test_a_private_room_is_not_joined_and_not_known() -> None:
    den = Den(Kind.PRIVATE)

    den.refuses(RoomNotFound, "eve", Join)
    den.refuses(RoomNotFound, "root", Join)
    den.refuses(RoomNotFound, "eve", Join, room=404)


def test_an_invitation_opens_a_private_room_but_not_to_the_banned() -> None:
    den = Den(Kind.PRIVATE)
    den.does("ana", Ban, user="bea", on=True, until=LATER)

    assert den.does("eve", Join, invited=True).seq == HEAD + 2
    den.refuses(RoomNotFound, "bea", Join, invited=True)
    assert den.does("bea", Join, at=LATER, invited=True).seq == HEAD + 3


def test_an_invitation_is_for_somebody_and_to_somewhere() -> None:
    den = Den(Kind.PRIVATE)

    den.refuses(RoomNotFound, None, Join, invited=True)
    den.refuses(RoomNotFound, "eve", Join, room=404, invited=True)
    den.refuses(Unauthorized, "dis", Join, invited=True)


def test_an_archived_room_is_not_joined() -> None:
    den = Den(archived=True)

    den.refuses(Forbidden, "eve", Join)
    den.refuses(Forbidden, "eve", Join, invited=True)
    assert den.does("bo", Join).seq is None


# Adding, and roles


def test_putting_oneself_is_joining() -> None:
    den = Den()

    den.does("eve", Admit, user="eve")

    assert den.happened == [("member.joined", {"user": "eve"})]


@pytest.mark.parametrize("who", ["mo", "ana", "root", None])
def test_moderators_and_those_above_add_people(who: str | None) -> None:
    den = Den()

    den.does(who, Admit, user="eve")

    assert den.happened == [("member.joined", {"user": "eve"})]
    assert den.person("eve").role is Role.MEMBER


@pytest.mark.parametrize("who", ["bo", "eve"])
def test_nobody_below_adds_people(who: str) -> None:
    den = Den()

    den.refuses(Forbidden, who, Admit, user="root")


def test_an_owner_adds_somebody_with_a_role() -> None:
    den = Den()

    den.does("ana", Admit, user="eve", role=Role.MODERATOR)

    assert den.happened == [
        ("member.joined", {"user": "eve"}),
        ("member.updated", {"user": "eve", "role": "moderator"}),
    ]
    den.refuses(Forbidden, "mo", Admit, user="root", role=Role.MODERATOR)


def test_only_an_owner_changes_roles() -> None:
    den = Den()

    for who in ("bo", "mo"):
        den.refuses(Forbidden, who, Admit, user="bo", role=Role.MODERATOR)
        den.refuses(Forbidden, who, Admit, user="ana", role=Role.MEMBER)
    den.refuses(Forbidden, "eve", Admit, user="eve", role=Role.OWNER)
    den.does("ana", Admit, user="bo", role=Role.MODERATOR)

    assert den.happened == [("member.updated", {"user": "bo", "role": "moderator"})]


def test_naming_no_role_or_the_same_changes_nothing() -> None:
    den = Den()

    assert den.does("bo", Admit, user="mo").seq is None
    assert den.does("bo", Admit, user="mo", role=Role.MODERATOR).seq is None
    assert den.happened == []


def test_a_room_always_has_an_owner() -> None:
    den = Den()

    den.refuses(Conflict, "ana", Admit, user="ana", role=Role.MEMBER)
    den.refuses(Conflict, "ana", Remove, user="ana")
    den.refuses(Conflict, "root", Remove, user="ana")
    den.refuses(Conflict, "root", Ban, user="ana", on=True)
    den.refuses(Conflict, None, Remove, user="ana")


def test_ownership_is_handed_over_by_making_an_owner_and_stepping_down() -> None:
    den = Den()

    den.does("ana", Admit, user="bo", role=Role.OWNER)
    den.does("ana", Admit, user="ana", role=Role.MEMBER)

    assert (den.person("bo").role, den.person("ana").role) == (Role.OWNER, Role.MEMBER)
    den.refuses(Conflict, "bo", Remove, user="bo")
    den.does("bo", Remove, user="ana")


def test_of_two_owners_who_leave_at_once_one_stays() -> None:
    den = Den()
    den.does("ana", Admit, user="bo", role=Role.OWNER)

    den.does("ana", Remove, user="ana")

    den.refuses(Conflict, "bo", Remove, user="bo")


@pytest.mark.parametrize(
    ("whom", "error"),
    [
        pytest.param("dis", UserNotFound, id="disabled"),
        pytest.param("nobody", UserNotFound, id="unknown"),
    ],
)
def test_nobody_who_can_not_come_is_added(whom: str, error: type[UserNotFound]) -> None:
    den = Den()
    den.person("dis").role = None

    den.refuses(error, "ana", Admit, user=whom)


def test_the_banned_are_not_added_until_the_ban_ends() -> None:
    den = Den()
    den.does("mo", Ban, user="bo", on=True, until=LATER)

    den.refuses(Conflict, "mo", Admit, user="bo")
    assert den.does("mo", Admit, at=LATER, user="bo").seq is not None


# Leaving and removing


def test_leaving_says_so_once() -> None:
    den = Den()

    den.does("bo", Remove, user="bo")
    again = den.does("bo", Remove, user="bo")

    assert again.seq is None
    assert den.happened == [("member.left", {"user": "bo", "reason": "left"})]
    den.refuses(Forbidden, "bo", Send, text="hello?")


def test_an_archived_room_can_be_left() -> None:
    den = Den(archived=True)

    den.does("bo", Remove, user="bo")

    assert den.happened == [("member.left", {"user": "bo", "reason": "left"})]


def test_a_moderator_removes_members_only() -> None:
    den = Den()

    den.does("mo", Remove, user="bo")

    assert den.happened == [("member.left", {"user": "bo", "reason": "removed"})]
    assert den.does("mo", Remove, user="bo").seq is None
    den.refuses(Forbidden, "mo", Remove, user="max")
    den.refuses(Forbidden, "mo", Remove, user="ana")
    den.refuses(Forbidden, "bea", Remove, user="dis")
    den.refuses(Forbidden, "eve", Remove, user="dis")
    den.refuses(UserNotFound, "mo", Remove, user="nobody")


def test_the_operator_ends_what_nobody_else_can() -> None:
    den, direct = Den(archived=True), Den(Kind.DIRECT)

    den.does(None, Remove, user="ana")
    direct.does(None, Remove, user="bo")

    assert den.happened == [("member.left", {"user": "ana", "reason": "removed"})]
    assert direct.happened == [("member.left", {"user": "bo", "reason": "removed"})]


# Bans


def test_a_ban_ends_membership_and_keeps_out() -> None:
    den = Den()

    den.does("mo", Ban, user="bo", on=True)

    assert den.happened == [("member.left", {"user": "bo", "reason": "banned"})]
    assert den.person("bo").banned_until == FOREVER
    den.refuses(Banned, "bo", Join)
    den.refuses(Banned, "bo", Send, text="hello?")
    den.refuses(Banned, "bo", Admit, user="bo")


def test_a_ban_of_an_outsider_is_written_down() -> None:
    den = Den()

    den.does("mo", Ban, user="eve", on=True, until=LATER)

    assert den.happened == [("member.updated", {"user": "eve", "banned_until": LATER})]
    den.refuses(Banned, "eve", Join)
    assert den.does("eve", Join, at=LATER).seq is not None


def test_a_ban_is_moved_lifted_and_not_repeated() -> None:
    den = Den()

    den.does("mo", Ban, user="eve", on=True, until=LATER)
    same = den.does("mo", Ban, user="eve", on=True, until=LATER)
    den.does("mo", Ban, user="eve", on=True)
    den.does("mo", Ban, user="eve", on=False)
    again = den.does("mo", Ban, user="eve", on=False)

    assert same.seq is again.seq is None
    bans = [data["banned_until"] for _, data in den.happened if data]
    assert bans == [LATER, FOREVER, None]
    assert den.person("eve").role is None
    assert den.does("eve", Join).seq is not None


def test_lifting_a_ban_that_has_run_out_changes_nothing() -> None:
    den = Den()
    den.does("mo", Ban, user="eve", on=True, until=LATER)

    assert den.does("mo", Ban, at=LATER, user="eve", on=False).seq is None
    assert den.does("mo", Ban, at=LATER, user="eve", on=True, until=LATER + 1).seq is not None


def test_whom_nobody_bans() -> None:
    den = Den()

    den.refuses(Conflict, "mo", Ban, user="mo", on=True)
    den.refuses(Forbidden, "mo", Ban, user="max", on=True)
    den.refuses(Forbidden, "mo", Ban, user="ana", on=True)
    den.refuses(Forbidden, "bo", Ban, user="eve", on=True)
    den.refuses(UserNotFound, "mo", Ban, user="nobody", on=True)


def test_a_ban_takes_a_role_away() -> None:
    den = Den()

    den.does("ana", Ban, user="mo", on=True, until=LATER)
    den.does("mo", Join, at=LATER)

    assert den.person("mo").role is Role.MEMBER


# Mutes


def test_a_muted_member_listens_until_it_ends() -> None:
    den = Den()

    den.does("mo", Mute, user="bo", on=True, until=LATER)

    refused = den.refuses(Muted, "bo", Send, text="hm")
    assert refused.retry_after == MINUTE / 1000
    assert den.does("bo", Send, at=LATER, text="at last").seq is not None


def test_a_mute_is_moved_lifted_and_not_repeated() -> None:
    den = Den()

    den.does("mo", Mute, user="bo", on=True)
    same = den.does("mo", Mute, user="bo", on=True)
    den.does("mo", Mute, user="bo", on=True, until=LATER)
    den.does("mo", Mute, user="bo", on=False)
    again = den.does("mo", Mute, user="bo", on=False)

    assert same.seq is again.seq is None
    assert [data for _, data in den.happened] == [
        {"user": "bo", "muted_until": FOREVER},
        {"user": "bo", "muted_until": LATER},
        {"user": "bo", "muted_until": None},
    ]


def test_leaving_and_coming_back_lifts_no_mute() -> None:
    den = Den()
    den.does("mo", Mute, user="bo", on=True, until=LATER)

    den.does("bo", Remove, user="bo")
    den.does("bo", Join)

    den.refuses(Muted, "bo", Send, text="ha")
    den.does("bo", Remove, user="bo")
    den.does("bo", Join, at=LATER)
    assert den.person("bo").muted_until is None


def test_whom_nobody_mutes() -> None:
    den = Den()

    den.refuses(Conflict, "mo", Mute, user="mo", on=True)
    den.refuses(Conflict, "mo", Mute, user="eve", on=True)
    den.refuses(Forbidden, "mo", Mute, user="max", on=True)
    den.refuses(Forbidden, "bo", Mute, user="bea", on=True)
    den.refuses(UserNotFound, "mo", Mute, user="nobody", on=True)
    assert den.does("mo", Mute, user="eve", on=False).seq is None


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
def test_the_two_of_a_direct_room_stay_as_they_are(kind: type, what: dict[str, object]) -> None:
    den = Den(Kind.DIRECT)

    den.refuses(Forbidden, "ana", kind, **what)
    den.refuses(RoomNotFound, "eve", kind, **what)
    den.refuses(RoomNotFound, "root", kind, **what)
