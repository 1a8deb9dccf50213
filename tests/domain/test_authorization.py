"""Who may do what: every request, by a user of every role."""

from typing import Any

import pytest

from app.domain.appends import (
    Admit,
    Append,
    Ban,
    Delete,
    Mute,
    Pin,
    React,
    Remove,
    Send,
    UpdateRoom,
)
from app.domain.authorization import (
    authorize_read,
    effective_role,
    require,
    require_can_post,
    require_target,
    require_visible,
    role_of,
)
from app.domain.errors import (
    Banned,
    Conflict,
    Forbidden,
    Muted,
    ParleyError,
    RoomNotFound,
    Unauthorized,
)
from app.domain.ids import Millis, Seq
from app.domain.roles import Action, Kind, Role
from app.domain.views import RoomAccess
from app.domain.working_set import FOREVER, Message
from tests.domain.env import HEAD, NOW, ROOM, Env, user_id

SENDERS = {"bo", "mo", "ana"}
MODERATORS = {"mo", "ana", "root"}
OWNERS = {"ana", "root"}

REQUESTS = [
    pytest.param(Send, {"text": "hi"}, SENDERS, id="send"),
    pytest.param(React, {"ref": 5, "emoji": "👍", "on": True}, SENDERS, id="react"),
    pytest.param(Pin, {"ref": 5, "on": True}, SENDERS, id="pin"),
    pytest.param(Delete, {"ref": 5}, MODERATORS, id="delete another's message"),
    pytest.param(Admit, {"user": "dis", "role": Role.MODERATOR}, OWNERS, id="promote"),
    pytest.param(Remove, {"user": "bea"}, MODERATORS, id="remove"),
    pytest.param(Ban, {"user": "bea", "on": True}, MODERATORS, id="ban"),
    pytest.param(Mute, {"user": "bea", "on": True}, MODERATORS, id="mute"),
    pytest.param(UpdateRoom, {"title": "New"}, MODERATORS, id="rename"),
    pytest.param(UpdateRoom, {"archived": True}, OWNERS, id="archive"),
]


def env_with_message(kind: Kind = Kind.PUBLIC, *, archived: bool = False) -> Env:
    env = Env(kind, archived=archived, head=HEAD)
    env.ws.messages[ROOM, 5] = Message(ROOM, Seq(5), user_id("bea"), "original")
    return env


@pytest.mark.parametrize(("kind", "what", "allowed"), REQUESTS)
@pytest.mark.parametrize("who", ["eve", "bo", "mo", "ana", "root"])
def test_in_a_public_room(
    who: str, kind: type[Append], what: dict[str, Any], allowed: set[str]
) -> None:
    env = env_with_message()

    if who in allowed:
        assert env.decide(who, kind, **what).seq == HEAD + 1
    else:
        env.assert_refused(Forbidden, who, kind, **what)


@pytest.mark.parametrize(("kind", "what", "allowed"), REQUESTS)
@pytest.mark.parametrize("who", ["eve", "root"])
def test_a_private_room_does_not_exist_for_non_members(
    who: str, kind: type[Append], what: dict[str, Any], allowed: set[str]
) -> None:
    env_with_message(Kind.PRIVATE).assert_refused(RoomNotFound, who, kind, **what)


@pytest.mark.parametrize(("kind", "what", "allowed"), REQUESTS)
def test_an_administrator_in_a_private_room_is_an_owner(
    kind: type[Append], what: dict[str, Any], allowed: set[str]
) -> None:
    env = env_with_message(Kind.PRIVATE)
    env.person("root").role = Role.MEMBER

    assert env.decide("root", kind, **what).seq == HEAD + 1


@pytest.mark.parametrize(("kind", "what", "allowed"), REQUESTS)
@pytest.mark.parametrize("who", ["bo", "mo", "ana"])
def test_an_archived_room_is_read_only(
    who: str, kind: type[Append], what: dict[str, Any], allowed: set[str]
) -> None:
    env = env_with_message(archived=True)
    if what == {"archived": True} and who == "ana":
        assert env.decide(who, kind, **what).seq is None
    else:
        env.assert_refused(Forbidden, who, kind, **what)


@pytest.mark.parametrize(("kind", "what", "allowed"), REQUESTS)
def test_banned_and_disabled_users_are_refused(
    kind: type[Append], what: dict[str, Any], allowed: set[str]
) -> None:
    env = env_with_message()
    env.person("eve").banned_until = FOREVER
    env.person("dis").role = Role.OWNER

    env.assert_refused(Banned, "eve", kind, **what)
    env.assert_refused(Unauthorized, "dis", kind, **what)


def test_the_operator_acts_as_owner_but_can_not_post() -> None:
    env = Env(head=HEAD)
    request = Append(room=ROOM, by=None, at=NOW)

    assert require_visible(env.ws, request) == (env.room, None)
    assert require(env.ws, request, Action.ARCHIVE) == (env.room, None)
    assert role_of(env.room, None) is Role.OWNER
    with pytest.raises(Forbidden):
        require_can_post(env.ws, request, Action.SEND)


def test_a_user_whose_account_is_gone_is_unauthorized() -> None:
    env = Env(head=HEAD)
    del env.ws.people[ROOM, user_id("bo")]

    with pytest.raises(Unauthorized):
        require_visible(env.ws, Append(room=ROOM, by=user_id("bo"), at=NOW))


def test_muted_and_blocked_members_can_not_post() -> None:
    env = Env(head=HEAD)
    request = Append(room=ROOM, by=user_id("bo"), at=NOW)

    env.person("bo").muted_until = Millis(NOW + 1)
    with pytest.raises(Muted):
        require_can_post(env.ws, request, Action.SEND)
    env.person("bo").muted_until = NOW
    assert require_can_post(env.ws, request, Action.SEND) == (env.room, env.person("bo"))
    env.person("bo").blocked = True
    with pytest.raises(Forbidden):
        require_can_post(env.ws, request, Action.SEND)


@pytest.mark.parametrize(
    ("who", "whom", "refused"),
    [
        ("ana", "mo", None),
        ("mo", "bo", None),
        ("mo", "eve", None),
        ("root", "ana", None),
        (None, "ana", None),
        ("mo", "max", Forbidden),
        ("mo", "ana", Forbidden),
        ("mo", "mo", Conflict),
    ],
)
def test_a_target_must_rank_below(
    who: str | None, whom: str, refused: type[ParleyError] | None
) -> None:
    env = Env(head=HEAD)
    person = None if who is None else env.person(who)

    if refused is None:
        assert require_target(env.ws, env.room, person, user_id(whom)) is env.person(whom)
        return
    with pytest.raises(refused):
        require_target(env.ws, env.room, person, user_id(whom))


def test_members_of_a_direct_room_can_not_act_on_each_other() -> None:
    env = Env(Kind.DIRECT, head=HEAD)

    with pytest.raises(Forbidden):
        require_target(env.ws, env.room, env.person("ana"), user_id("bo"))
    assert require_target(env.ws, env.room, None, user_id("bo")) is env.person("bo")


# Existence, bans, accounts


@pytest.mark.parametrize("kind", [Kind.PRIVATE, Kind.DIRECT])
@pytest.mark.parametrize("banned", [False, True])
def test_a_room_that_is_not_public_does_not_exist_for_others(kind: Kind, banned: bool) -> None:
    env = Env(kind)
    env.person("eve").banned_until = FOREVER if banned else None

    with pytest.raises(RoomNotFound):
        env.send("eve")


def test_a_ban_from_a_public_room_ends_on_time() -> None:
    env = Env()
    env.person("eve").banned_until = Millis(env.at + 1)

    with pytest.raises(Banned):
        env.send("eve")
    env.advance(1)
    with pytest.raises(Forbidden, match="Join it first"):
        env.send("eve")


def test_a_room_that_does_not_exist() -> None:
    env = Env()
    env.ws.rooms.clear()

    with pytest.raises(RoomNotFound):
        env.send("bo")


def test_a_disabled_user_is_unauthorized() -> None:
    env = Env()
    env.person("bo").disabled = True

    with pytest.raises(Unauthorized):
        env.send("bo")


# Reading


def access(kind: Kind, role: Role | None = None, banned_until: int | None = None) -> RoomAccess:
    return RoomAccess(kind=kind, head=HEAD, first=1, role=role, banned_until=banned_until)


def test_a_public_room_is_read_by_all_but_the_banned() -> None:
    public = access(Kind.PUBLIC)

    assert authorize_read(public, NOW) is public
    over = access(Kind.PUBLIC, banned_until=NOW)
    assert authorize_read(over, NOW) is over
    with pytest.raises(Banned):
        authorize_read(access(Kind.PUBLIC, banned_until=NOW + 1), NOW)


@pytest.mark.parametrize("kind", [Kind.PRIVATE, Kind.DIRECT])
def test_other_rooms_are_read_by_their_members(kind: Kind) -> None:
    mine = access(kind, Role.MEMBER)

    assert authorize_read(mine, NOW) is mine
    for outside in (access(kind), access(kind, banned_until=FOREVER), None):
        with pytest.raises(RoomNotFound):
            authorize_read(outside, NOW)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("role", [None, *Role])
def test_an_administrator_acts_as_owner_except_in_direct_rooms(
    kind: Kind, role: Role | None
) -> None:
    expected = role if kind is Kind.DIRECT else Role.OWNER

    assert effective_role(access(kind, role), is_admin=True) is expected
    assert effective_role(access(kind, role), is_admin=False) is role
