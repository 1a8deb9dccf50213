"""The key comes first: a retry gets its first answer, whatever has changed since."""

import pytest

from app.domain.appends import Append, Committed, Delete, Edit, Pin, React, Remove, Send
from app.domain.errors import Banned, Forbidden, IdReused, Muted, RoomNotFound, Unauthorized
from app.domain.ids import Millis
from app.domain.roles import Kind
from app.domain.working_set import FOREVER
from tests.domain.talk import ANA, BO, DEN, EVE, MOE, Talk

REQUESTS = [
    pytest.param(Send, {"text": "hi"}, id="send"),
    pytest.param(Edit, {"ref": 1, "text": "other"}, id="edit"),
    pytest.param(Delete, {"ref": 1}, id="delete"),
    pytest.param(React, {"ref": 1, "emoji": "👍", "on": True}, id="react"),
    pytest.param(Pin, {"ref": 1, "on": True}, id="pin"),
]


@pytest.fixture
def den() -> Talk:
    """With a message of bo's, which is number 1."""
    den = Talk()
    den.says(BO, "first")
    return den


@pytest.mark.parametrize(("kind", "what"), REQUESTS)
def test_a_retry_gets_the_first_answer_and_appends_nothing(
    den: Talk, kind: type[Append], what: dict[str, object]
) -> None:
    first = den.does(kind, BO, client_id="k", **what)
    den.pass_time(60)

    again = den.does(kind, BO, client_id="k", **what)

    assert first == Committed(2, first.at, duplicate=False, room=DEN)
    assert again == first._replace(duplicate=True)
    assert len(den.ws.events) == 2


@pytest.mark.parametrize(("kind", "what"), REQUESTS)
@pytest.mark.parametrize("change", ["mute", "ban", "removal", "archive", "disable", "slow mode"])
def test_whatever_has_changed_since(
    den: Talk, kind: type[Append], what: dict[str, object], change: str
) -> None:
    first = den.does(kind, BO, client_id="k", **what)
    match change:
        case "mute":
            den.person(BO).muted_until = FOREVER
        case "ban":
            den.person(BO).role, den.person(BO).banned_until = None, FOREVER
        case "removal":
            den.does(Remove, ANA, user=BO)
        case "archive":
            den.room.archived_at = den.at
        case "disable":
            den.person(BO).disabled = True
        case "slow mode":
            den.room.slow_mode_seconds, den.person(BO).last_sent_at = 60, den.at

    assert den.does(kind, BO, client_id="k", **what).seq == first.seq


def test_a_retry_of_a_message_that_was_edited_since(den: Talk) -> None:
    seq = den.says(BO, "hi", client_id="k")
    den.does(Edit, BO, ref=seq, text="hello")

    assert den.says(BO, "hi", client_id="k") == seq
    with pytest.raises(IdReused):
        den.says(BO, "hello", client_id="k")


def test_of_a_blanked_text_a_retry_can_not_tell_any_more(den: Talk) -> None:
    seq = den.says(BO, "hi", client_id="k")
    event = den.ws.events[-1]
    # As the log has it in the next transaction.
    den.ws.keys[DEN, BO, "k"] = event._replace(text=None, data=None)

    assert den.says(BO, "hi", client_id="k") == seq


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        pytest.param(Send, {"text": "other"}, id="another text"),
        pytest.param(Send, {"text": "hi", "reply_to": 1}, id="a reply"),
        pytest.param(Send, {"text": "hi", "data": {"a": 1}}, id="with data"),
        pytest.param(Edit, {"ref": 1, "text": "hi"}, id="an edit"),
        pytest.param(Delete, {"ref": 1}, id="a deletion"),
        pytest.param(React, {"ref": 1, "emoji": "👍", "on": True}, id="a reaction"),
        pytest.param(Pin, {"ref": 1, "on": True}, id="a pin"),
    ],
)
def test_the_id_of_another_request_is_refused(
    den: Talk, kind: type[Append], what: dict[str, object]
) -> None:
    den.says(BO, "hi", client_id="k")

    with pytest.raises(IdReused):
        den.does(kind, BO, client_id="k", **what)
    assert len(den.ws.events) == 2


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        pytest.param(Edit, {"ref": 1, "text": "a"}, {"ref": 1, "text": "b"}, id="wording"),
        pytest.param(Delete, {"ref": 1}, {"ref": 2}, id="deleted message"),
        pytest.param(
            React,
            {"ref": 1, "emoji": "👍", "on": True},
            {"ref": 1, "emoji": "👍", "on": False},
            id="reaction taken back",
        ),
        pytest.param(
            React,
            {"ref": 1, "emoji": "👍", "on": True},
            {"ref": 1, "emoji": "👎", "on": True},
            id="emoji",
        ),
        pytest.param(Pin, {"ref": 1, "on": True}, {"ref": 1, "on": False}, id="pin taken back"),
        pytest.param(Pin, {"ref": 1, "on": True}, {"ref": 2, "on": True}, id="pinned message"),
    ],
)
def test_an_id_is_for_one_request(
    den: Talk, kind: type[Append], first: dict[str, object], second: dict[str, object]
) -> None:
    den.says(BO, "second")
    den.does(kind, BO, client_id="k", **first)

    with pytest.raises(IdReused):
        den.does(kind, BO, client_id="k", **second)


def test_an_id_belongs_to_its_user(den: Talk) -> None:
    assert den.says(BO, "hi", client_id="k") != den.says(MOE, "hi", client_id="k")


def test_what_changed_nothing_keeps_no_id(den: Talk) -> None:
    assert den.does(Edit, BO, ref=1, text="first", client_id="k").seq is None

    assert den.does(Edit, BO, ref=1, text="second", client_id="k").seq == 2


def test_without_an_id_everything_is_new(den: Talk) -> None:
    assert [den.says(BO), den.says(BO)] == [2, 3]


def test_one_who_is_refused_leaves_everything_as_it_was(den: Talk) -> None:
    den.person(BO).muted_until = FOREVER

    with pytest.raises(Muted):
        den.says(BO, client_id="k")

    assert den.room.head == 1
    den.person(BO).muted_until = None
    assert den.says(BO, client_id="k") == 2


@pytest.mark.parametrize("kind", [Kind.PRIVATE, Kind.DIRECT])
@pytest.mark.parametrize("banned", [False, True])
def test_a_room_that_is_not_for_one_is_not_there(kind: Kind, banned: bool) -> None:
    den = Talk(kind)
    den.person(EVE).banned_until = FOREVER if banned else None

    with pytest.raises(RoomNotFound):
        den.says(EVE)


def test_from_a_public_room_one_can_be_banned(den: Talk) -> None:
    den.person(EVE).banned_until = Millis(den.at + 1)

    with pytest.raises(Banned):
        den.says(EVE)
    den.pass_time(1)
    with pytest.raises(Forbidden, match="Join it first"):
        den.says(EVE)


def test_a_room_that_does_not_exist(den: Talk) -> None:
    den.ws.rooms.clear()

    with pytest.raises(RoomNotFound):
        den.says(BO)


def test_a_disabled_user_is_nobody(den: Talk) -> None:
    den.person(BO).disabled = True

    with pytest.raises(Unauthorized):
        den.says(BO)
