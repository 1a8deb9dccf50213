"""Events as bytes, encoded once."""

import tracemalloc

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.events import Event, EventBatch, EventType
from app.domain.ids import Millis, RoomId, Seq, UserId
from app.domain.roles import Kind
from app.wire.event_encoding import encode_batch, event_json, one_line, trimmed
from app.wire.events import event_body
from app.wire.websocket_frame import payload_of

ANA = UserId(1)
NAMES = {ANA: "ana"}
EVENTS = [
    Event(RoomId(1), Seq(seq), EventType.MESSAGE_CREATED, ANA, Millis(0), text=text)
    for seq, text in ((5, "one"), (6, "zwei €"))
]


def test_an_event_is_the_json_of_its_object() -> None:
    for event in EVENTS:
        assert orjson.loads(event_json(event, "den", NAMES)) == event_body(event, "den", NAMES)


@pytest.mark.parametrize("sign", "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", ids=ascii)
def test_an_event_is_one_line_for_every_reader(sign: str) -> None:
    body = {"text": f"é {sign} \\{sign}", "data": {f"a{sign}": [sign]}}

    encoded = one_line(body)

    assert len(encoded.decode().splitlines()) == 1
    assert orjson.loads(encoded) == body


@given(st.text(), st.text())
def test_one_line_is_the_same_json(name: str, text: str) -> None:
    encoded = one_line({name: text})

    assert orjson.loads(encoded) == {name: text}
    assert len(encoded.decode().splitlines()) == 1


def test_a_batch_is_one_frame_per_event() -> None:
    batch = EventBatch(RoomId(1), "den", Kind.PUBLIC, EVENTS, NAMES)

    frames = encode_batch(batch)

    assert [payload_of(frame) for frame in frames] == [event_json(e, "den", NAMES) for e in EVENTS]
    assert orjson.loads(payload_of(frames[1]))["text"] == "zwei €"


def test_what_is_trimmed_takes_no_more_memory_than_its_bytes() -> None:
    encoded = orjson.dumps(["x" * 100] * 50)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        kept = [trimmed(orjson.dumps(["x" * 100] * 50)) for _ in range(20)]
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept == [encoded] * 20
    assert after - before < 20 * len(encoded) * 1.1
