"""Events as bytes, encoded once."""

import orjson

from app.domain.events import Event, EventBatch, EventType
from app.domain.ids import Millis, RoomId, Seq, UserId
from app.domain.roles import Kind
from app.wire.encoding import encode_batch, event_json
from app.wire.events import event_body
from app.wire.frames import payload_of

ANA = UserId(1)
NAMES = {ANA: "ana"}
EVENTS = [
    Event(RoomId(1), Seq(seq), EventType.MESSAGE_CREATED, ANA, Millis(0), text=text)
    for seq, text in ((5, "one"), (6, "zwei €"))
]


def test_an_event_is_the_json_of_its_object() -> None:
    for event in EVENTS:
        assert orjson.loads(event_json(event, "den", NAMES)) == event_body(event, "den", NAMES)


def test_a_batch_is_one_frame_per_event() -> None:
    batch = EventBatch(RoomId(1), "den", Kind.PUBLIC, EVENTS, NAMES)

    frames = encode_batch(batch)

    assert [payload_of(frame) for frame in frames] == [event_json(e, "den", NAMES) for e in EVENTS]
    assert orjson.loads(payload_of(frames[1]))["text"] == "zwei €"
