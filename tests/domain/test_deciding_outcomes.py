"""What a decision answers, and what it marks to be written."""

import pytest

from app.domain.appends import (
    Admit,
    Append,
    Committed,
    CreateRoom,
    Delete,
    Edit,
    OpenDirect,
    Pin,
    React,
    Remove,
    Send,
    UpdateRoom,
)
from app.domain.authority import NOBODY
from app.domain.errors import Conflict, Forbidden
from app.domain.roles import Kind, Role
from tests.domain.den import DEN, HEAD, NEXT, NOW, Den, user

SAID = HEAD + 1
"""The first message that is sent in the den."""


@pytest.fixture
def den() -> Den:
    """With a message of bo's."""
    den = Den()
    den.does("bo", Send, text="hi", client_id="said")
    return den


# Answers


@pytest.mark.parametrize(
    ("who", "request_", "what"),
    [
        pytest.param("ana", Admit, {"user": "bo"}, id="a member is admitted"),
        pytest.param(
            "ana", Admit, {"user": "bo", "role": Role.MEMBER}, id="a role is given again"
        ),
        pytest.param("bo", Edit, {"ref": SAID, "text": "hi"}, id="an edit of nothing"),
        pytest.param("bo", React, {"ref": SAID, "emoji": "👍", "on": False}, id="no reaction"),
        pytest.param("mo", Pin, {"ref": SAID, "on": False}, id="no pin"),
        pytest.param("ana", UpdateRoom, {"title": "The den"}, id="the same title"),
        pytest.param("ana", UpdateRoom, {"archived": False}, id="open as before"),
    ],
)
def test_what_changes_nothing_is_answered_without_a_number(
    den: Den, who: str, request_: type[Append], what: dict[str, object]
) -> None:
    events = len(den.ws.events)

    done = den.does(who, request_, at=NOW + 5, **what)

    assert done == Committed(None, NOW + 5, duplicate=False, room=DEN)
    assert len(den.ws.events) == events


def test_a_second_deletion_is_answered_without_a_number(den: Den) -> None:
    den.does("bo", Delete, ref=SAID)

    assert den.does("bo", Delete, at=NOW + 5, ref=SAID) == Committed(None, NOW + 5, room=DEN)


def test_a_room_that_is_changed_is_answered_with_its_last_number() -> None:
    den = Den()

    done = den.does("ana", UpdateRoom, at=NOW + 5, title="Ours", archived=True)

    assert done == Committed(den.room.head, NOW + 5, room=DEN)
    assert {event.at for event in den.ws.events} == {NOW + 5}


def test_a_room_that_is_reopened_says_when() -> None:
    den = Den(archived=True)

    done = den.does("ana", UpdateRoom, at=NOW + 5, archived=False)

    assert done == Committed(HEAD + 1, NOW + 5, room=DEN)
    assert [(event.type, event.at) for event in den.ws.events] == [("room.reopened", NOW + 5)]


# What is written


def test_a_message_that_is_deleted_is_written_without_its_words(den: Den) -> None:
    message = den.ws.message(den.room, SAID)
    assert not message.changed

    den.does("bo", Delete, ref=SAID)

    assert message.changed
    assert (message.said, message.edited_text, message.deleted_at) == (None, None, NOW)


def test_a_retry_of_what_was_deleted_in_the_same_batch_shows_no_words(den: Den) -> None:
    den.does("bo", Send, text="something else", client_id="other")
    den.does("bo", Edit, ref=SAID, text="hello", client_id="edited")

    den.does("bo", Delete, ref=SAID)

    texts = {key: event.text for (_, _, key), event in den.ws.keys.items()}
    assert texts == {"said": None, "edited": None, "other": "something else"}


@pytest.mark.parametrize("what", [{"title": "Ours"}, {"archived": True}], ids=["title", "archive"])
def test_a_room_that_is_changed_is_written(what: dict[str, object]) -> None:
    den = Den()
    den.does("bo", Send, text="hi")
    assert not den.room.changed

    den.does("ana", UpdateRoom, **what)

    assert den.room.changed


def test_a_new_room_is_as_it_was_asked_for() -> None:
    den = Den()

    den.does("eve", CreateRoom, room=NOBODY, name="attic", title="Up", kind=Kind.PRIVATE)

    room = den.ws.rooms[NEXT]
    assert (room.name, room.title, room.kind) == ("attic", "Up", Kind.PRIVATE)
    assert (room.head, room.first, room.slow_mode_seconds) == (1, 1, 0)
    assert (room.created_at, room.archived_at, room.is_new) == (NOW, None, True)
    assert den.ws.room_names["attic"] == NEXT


def test_a_room_of_two_says_who_the_second_is() -> None:
    den = Den()

    done = den.does("ana", OpenDirect, room=NOBODY, user="bo", name="dm-1")

    room = den.ws.rooms[NEXT]
    assert (done.room, room.title, room.kind) == (NEXT, "", Kind.DIRECT)
    assert den.happened[-1] == ("member.joined", {"user": "bo"})
    assert {who for at, who in den.ws.people if at == NEXT} == {user("ana"), user("bo")}


# Refusals say why


def test_a_refusal_names_the_rule(den: Den) -> None:
    edit = den.refuses(Forbidden, "ana", Edit, ref=SAID, text="x")
    owner = den.refuses(Conflict, "ana", Remove, user="ana")
    direct = Den(Kind.DIRECT).refuses(Forbidden, "ana", Admit, user="eve")
    den.does("bo", Delete, ref=SAID)
    deleted = den.refuses(Conflict, "bo", Edit, ref=SAID, text="x")

    for error in (edit, owner, direct, deleted):
        assert error.detail.endswith(".")
    assert len({error.detail for error in (edit, owner, direct, deleted)}) == 4
