"""Events as clients see them."""

from typing import Any

import orjson
import pytest

from app.domain.events import Event, EventBatch, EventType
from app.domain.ids import Millis, RoomId, Seq, UserId
from app.domain.roles import Kind
from app.wire.events import encode_batch, event_body, event_json
from app.wire.frames import payload_of

AT = Millis(1_795_248_000_000)
SHOWN = "2026-11-21T08:00:00.000Z"
ANA, BO = UserId(1), UserId(2)
NAMES = {ANA: "ana", BO: "bo"}


def event(kind: EventType, **what: Any) -> Event:
    return Event(RoomId(1), Seq(5), kind, what.pop("by", ANA), AT, **what)


def body(kind: EventType, **what: Any) -> dict[str, Any]:
    """What is shown, without what every event has."""
    shown = event_body(event(kind, **what), "den", NAMES)
    common = {name: shown.pop(name) for name in ("type", "room", "seq", "at")}
    assert common == {"type": kind, "room": "den", "seq": 5, "at": SHOWN}
    return shown


@pytest.mark.parametrize(
    ("kind", "what", "shown"),
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
            id="a reply with everything",
        ),
        pytest.param(
            EventType.MESSAGE_CREATED,
            {"text": None, "deleted_at": AT, "edited_at": AT},
            {"by": "ana", "text": None, "deleted_at": SHOWN, "edited_at": SHOWN},
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
            id="a deletion by somebody else",
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
            {"by": "ana", "user": "bo", "banned_until": None, "muted_until": SHOWN},
            id="moments",
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
            id="a message of nobody",
        ),
    ],
)
def test_an_event_shows_names_and_only_what_it_has(
    kind: EventType, what: dict[str, Any], shown: dict[str, Any]
) -> None:
    assert body(kind, **what) == shown


def test_a_run_is_a_frame_an_event() -> None:
    events = [event(EventType.MESSAGE_CREATED, text=text) for text in ("one", "two")]
    batch = EventBatch(RoomId(1), "den", Kind.PUBLIC, events, NAMES)

    frames = encode_batch(batch)

    assert [payload_of(frame) for frame in frames] == [event_json(e, "den", NAMES) for e in events]
    assert orjson.loads(payload_of(frames[1]))["text"] == "two"
