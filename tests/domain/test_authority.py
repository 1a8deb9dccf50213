"""Who may do what: every request, by everybody there is."""

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
from app.domain.authority import (
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
from tests.domain.den import DEN, HEAD, NOW, Den, user

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


def den_with_a_message(kind: Kind = Kind.PUBLIC, *, archived: bool = False) -> Den:
    den = Den(kind, archived=archived)
    den.ws.messages[DEN, 5] = Message(DEN, Seq(5), user("bea"), "said")
    return den


@pytest.mark.parametrize(("kind", "what", "allowed"), REQUESTS)
@pytest.mark.parametrize("who", ["eve", "bo", "mo", "ana", "root"])
def test_in_a_public_room(
    who: str, kind: type[Append], what: dict[str, Any], allowed: set[str]
) -> None:
    den = den_with_a_message()

    if who in allowed:
        assert den.does(who, kind, **what).seq == HEAD + 1
    else:
        den.refuses(Forbidden, who, kind, **what)


@pytest.mark.parametrize(("kind", "what", "allowed"), REQUESTS)
@pytest.mark.parametrize("who", ["eve", "root"])
def test_nobody_outside_knows_of_a_private_room(
    who: str, kind: type[Append], what: dict[str, Any], allowed: set[str]
) -> None:
    den_with_a_message(Kind.PRIVATE).refuses(RoomNotFound, who, kind, **what)


@pytest.mark.parametrize(("kind", "what", "allowed"), REQUESTS)
def test_an_administrator_in_a_private_room_is_an_owner(
    kind: type[Append], what: dict[str, Any], allowed: set[str]
) -> None:
    den = den_with_a_message(Kind.PRIVATE)
    den.person("root").role = Role.MEMBER

    assert den.does("root", kind, **what).seq == HEAD + 1


@pytest.mark.parametrize(("kind", "what", "allowed"), REQUESTS)
@pytest.mark.parametrize("who", ["bo", "mo", "ana"])
def test_nobody_writes_in_an_archived_room(
    who: str, kind: type[Append], what: dict[str, Any], allowed: set[str]
) -> None:
    den = den_with_a_message(archived=True)
    if what == {"archived": True} and who == "ana":
        assert den.does(who, kind, **what).seq is None
    else:
        den.refuses(Forbidden, who, kind, **what)


@pytest.mark.parametrize(("kind", "what", "allowed"), REQUESTS)
def test_the_banned_and_the_disabled_do_nothing(
    kind: type[Append], what: dict[str, Any], allowed: set[str]
) -> None:
    den = den_with_a_message()
    den.person("eve").banned_until = FOREVER
    den.person("dis").role = Role.OWNER

    den.refuses(Banned, "eve", kind, **what)
    den.refuses(Unauthorized, "dis", kind, **what)


def test_the_operator_is_no_person() -> None:
    den = Den()
    request = Append(room=DEN, by=None, at=NOW)

    assert require_visible(den.ws, request) == (den.room, None)
    assert require(den.ws, request, Action.ARCHIVE) == (den.room, None)
    assert role_of(den.room, None) is Role.OWNER
    with pytest.raises(Forbidden):
        require_can_post(den.ws, request, Action.SEND)


def test_who_is_gone_from_the_accounts_is_nobody() -> None:
    den = Den()
    del den.ws.people[DEN, user("bo")]

    with pytest.raises(Unauthorized):
        require_visible(den.ws, Append(room=DEN, by=user("bo"), at=NOW))


def test_a_muted_or_blocked_member_is_no_speaker() -> None:
    den = Den()
    request = Append(room=DEN, by=user("bo"), at=NOW)

    den.person("bo").muted_until = Millis(NOW + 1)
    with pytest.raises(Muted):
        require_can_post(den.ws, request, Action.SEND)
    den.person("bo").muted_until = NOW
    assert require_can_post(den.ws, request, Action.SEND) == (den.room, den.person("bo"))
    den.person("bo").blocked = True
    with pytest.raises(Forbidden):
        require_can_post(den.ws, request, Action.SEND)


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
def test_rank(who: str | None, whom: str, refused: type[ParleyError] | None) -> None:
    den = Den()
    person = None if who is None else den.person(who)

    if refused is None:
        assert require_target(den.ws, den.room, person, user(whom)) is den.person(whom)
        return
    with pytest.raises(refused):
        require_target(den.ws, den.room, person, user(whom))


def test_nobody_in_a_direct_room_ranks_above_the_other() -> None:
    den = Den(Kind.DIRECT)

    with pytest.raises(Forbidden):
        require_target(den.ws, den.room, den.person("ana"), user("bo"))
    assert require_target(den.ws, den.room, None, user("bo")) is den.person("bo")


# Reading


def access(kind: Kind, role: Role | None = None, banned_until: int | None = None) -> RoomAccess:
    return RoomAccess(kind=kind, head=HEAD, first=1, role=role, banned_until=banned_until)


def test_a_public_room_is_read_by_everybody_who_is_not_banned() -> None:
    public = access(Kind.PUBLIC)

    assert authorize_read(public, NOW) is public
    over = access(Kind.PUBLIC, banned_until=NOW)
    assert authorize_read(over, NOW) is over
    with pytest.raises(Banned):
        authorize_read(access(Kind.PUBLIC, banned_until=NOW + 1), NOW)


@pytest.mark.parametrize("kind", [Kind.PRIVATE, Kind.DIRECT])
def test_any_other_room_is_read_by_its_members(kind: Kind) -> None:
    mine = access(kind, Role.MEMBER)

    assert authorize_read(mine, NOW) is mine
    for outside in (access(kind), access(kind, banned_until=FOREVER), None):
        with pytest.raises(RoomNotFound):
            authorize_read(outside, NOW)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("role", [None, *Role])
def test_an_administrator_acts_as_owner_but_not_between_two(kind: Kind, role: Role | None) -> None:
    expected = role if kind is Kind.DIRECT else Role.OWNER

    assert effective_role(access(kind, role), is_admin=True) is expected
    assert effective_role(access(kind, role), is_admin=False) is role
