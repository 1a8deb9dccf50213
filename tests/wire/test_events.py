"""Events as JSON objects."""

from typing import Any

import pytest

from app.domain.events import Event, EventType
from app.domain.ids import Millis, RoomId, Seq, UserId
from app.wire.events import event_body

AT = Millis(1_795_248_000_000)
AT_ISO = "2026-11-21T08:00:00.000Z"
ANA, BO = UserId(1), UserId(2)
NAMES = {ANA: "ana", BO: "bo"}


def event(kind: EventType, **what: Any) -> Event:
    return Event(RoomId(1), Seq(5), kind, what.pop("by", ANA), AT, **what)


def body(kind: EventType, **what: Any) -> dict[str, Any]:
    """The fields of the object that not every event has."""
    fields = event_body(event(kind, **what), "den", NAMES)
    common = {name: fields.pop(name) for name in ("type", "room", "seq", "at")}
    assert common == {"type": kind, "room": "den", "seq": 5, "at": AT_ISO}
    return fields


@pytest.mark.parametrize(
    ("kind", "what", "expected"),
    [
        pytest.param(
            EventType.MESSAGE_CREATED,
            {"text": "hi", "client_id": "1"},
            {"by": "ana", "text": "hi", "id": "1"},
            id="a message",
        ),
        pytest.param(
            EventType.MESSAGE_CREATED,
            {"text": "hi", "ref": 3, "data": {"data": {"x": 1}, "mentions": [2, 9]}},
            {"by": "ana", "text": "hi", "reply_to": 3, "data": {"x": 1}, "mentions": ["bo"]},
            id="a reply with all fields",
        ),
        pytest.param(
            EventType.MESSAGE_CREATED,
            {"text": None, "deleted_at": AT, "edited_at": AT},
            {"by": "ana", "text": None, "deleted_at": AT_ISO, "edited_at": AT_ISO},
            id="a deleted message in a replay",
        ),
        pytest.param(
            EventType.MESSAGE_EDITED,
            {"ref": 3, "text": "ho", "client_id": "2"},
            {"by": "ana", "ref": 3, "text": "ho"},
            id="an edit",
        ),
        pytest.param(
            EventType.MESSAGE_DELETED,
            {"by": BO, "ref": 3, "data": {"author": ANA}},
            {"by": "bo", "ref": 3, "author": "ana"},
            id="a deletion by a moderator",
        ),
        pytest.param(
            EventType.REACTION_ADDED,
            {"ref": 3, "data": {"emoji": "👍"}},
            {"by": "ana", "ref": 3, "emoji": "👍"},
            id="a reaction",
        ),
        pytest.param(
            EventType.MEMBER_UPDATED,
            {"data": {"user": BO, "banned_until": None, "muted_until": AT}},
            {"by": "ana", "user": "bo", "banned_until": None, "muted_until": AT_ISO},
            id="times",
        ),
        pytest.param(
            EventType.MEMBER_JOINED,
            {"by": None, "data": {"user": BO}},
            {"by": None, "user": "bo"},
            id="the operator",
        ),
        pytest.param(
            EventType.MESSAGE_DELETED,
            {"ref": 3, "data": {"author": None}},
            {"by": "ana", "ref": 3, "author": None},
            id="a message of the operator",
        ),
    ],
)
def test_an_event_has_names_and_only_the_fields_of_its_type(
    kind: EventType, what: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert body(kind, **what) == expected
