"""Retries return their first result, whatever has changed since."""

import pytest

from app.domain.appends import Append, Committed, Delete, Edit, Pin, React, Remove, Send
from app.domain.errors import IdReused
from app.domain.working_set import FOREVER
from tests.domain.env import ROOM, Env, user_id

REQUESTS = [
    pytest.param(Send, {"text": "hi"}, id="send"),
    pytest.param(Edit, {"ref": 1, "text": "other"}, id="edit"),
    pytest.param(Delete, {"ref": 1}, id="delete"),
    pytest.param(React, {"ref": 1, "emoji": "👍", "on": True}, id="react"),
    pytest.param(Pin, {"ref": 1, "on": True}, id="pin"),
]


@pytest.fixture
def env() -> Env:
    """A room with a message of bo, which has seq 1."""
    env = Env()
    env.send("bo", "first")
    return env


@pytest.mark.parametrize(("kind", "what"), REQUESTS)
def test_a_retry_returns_the_first_result_and_appends_nothing(
    env: Env, kind: type[Append], what: dict[str, object]
) -> None:
    first = env.decide("bo", kind, client_id="k", **what)
    env.advance(60)

    again = env.decide("bo", kind, client_id="k", **what)

    assert first == Committed(2, first.at, duplicate=False, room=ROOM)
    assert again == first._replace(duplicate=True)
    assert len(env.ws.events) == 2


@pytest.mark.parametrize(("kind", "what"), REQUESTS)
@pytest.mark.parametrize("change", ["mute", "ban", "removal", "archive", "disable", "slow mode"])
def test_a_retry_returns_the_first_result_after_a_change_of_access(
    env: Env, kind: type[Append], what: dict[str, object], change: str
) -> None:
    first = env.decide("bo", kind, client_id="k", **what)
    match change:
        case "mute":
            env.person("bo").muted_until = FOREVER
        case "ban":
            env.person("bo").role, env.person("bo").banned_until = None, FOREVER
        case "removal":
            env.decide("ana", Remove, user="bo")
        case "archive":
            env.room.archived_at = env.at
        case "disable":
            env.person("bo").disabled = True
        case "slow mode":
            env.room.slow_mode_seconds, env.person("bo").last_sent_at = 60, env.at

    assert env.decide("bo", kind, client_id="k", **what).seq == first.seq


def test_a_retry_is_compared_with_the_original_text_of_an_edited_message(env: Env) -> None:
    seq = env.send("bo", "hi", client_id="k")
    env.decide("bo", Edit, ref=seq, text="hello")

    assert env.send("bo", "hi", client_id="k") == seq
    with pytest.raises(IdReused):
        env.send("bo", "hello", client_id="k")


def test_a_retry_of_a_deleted_message_matches_any_text(env: Env) -> None:
    seq = env.send("bo", "hi", client_id="k")
    event = env.ws.events[-1]
    # As the log has it in the next transaction.
    env.ws.keys[ROOM, user_id("bo"), "k"] = event._replace(text=None, data=None)

    assert env.send("bo", "hi", client_id="k") == seq


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
def test_an_id_used_for_another_kind_of_request_is_refused(
    env: Env, kind: type[Append], what: dict[str, object]
) -> None:
    env.send("bo", "hi", client_id="k")

    with pytest.raises(IdReused):
        env.decide("bo", kind, client_id="k", **what)
    assert len(env.ws.events) == 2


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        pytest.param(Edit, {"ref": 1, "text": "a"}, {"ref": 1, "text": "b"}, id="wording"),
        pytest.param(Delete, {"ref": 1}, {"ref": 2}, id="deleted message"),
        pytest.param(
            React,
            {"ref": 1, "emoji": "👍", "on": True},
            {"ref": 1, "emoji": "👍", "on": False},
            id="reaction removed",
        ),
        pytest.param(
            React,
            {"ref": 1, "emoji": "👍", "on": True},
            {"ref": 1, "emoji": "👎", "on": True},
            id="emoji",
        ),
        pytest.param(Pin, {"ref": 1, "on": True}, {"ref": 1, "on": False}, id="pin removed"),
        pytest.param(Pin, {"ref": 1, "on": True}, {"ref": 2, "on": True}, id="pinned message"),
    ],
)
def test_an_id_used_for_other_fields_is_refused(
    env: Env, kind: type[Append], first: dict[str, object], second: dict[str, object]
) -> None:
    env.send("bo", "second")
    env.decide("bo", kind, client_id="k", **first)

    with pytest.raises(IdReused):
        env.decide("bo", kind, client_id="k", **second)


def test_a_retry_may_have_another_form_of_the_emoji(env: Env) -> None:
    first = env.decide("bo", React, ref=1, emoji="\u2764", on=True, client_id="k")

    again = env.decide("bo", React, ref=1, emoji="\u2764\ufe0f", on=True, client_id="k")

    assert (again.seq, again.duplicate) == (first.seq, True)


def test_an_id_is_unique_per_user(env: Env) -> None:
    assert env.send("bo", "hi", client_id="k") != env.send("mo", "hi", client_id="k")


def test_a_request_that_changes_nothing_does_not_keep_its_id(env: Env) -> None:
    assert env.decide("bo", Edit, ref=1, text="first", client_id="k").seq is None

    assert env.decide("bo", Edit, ref=1, text="second", client_id="k").seq == 2


def test_requests_without_an_id_are_never_retries(env: Env) -> None:
    assert [env.send("bo"), env.send("bo")] == [2, 3]
