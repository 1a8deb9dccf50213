"""Frames, encoded here and parsed by the websockets library."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from app.wire.websocket_frame import payload_of, payloads_of, text_frame

LENGTHS = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]


def read_by_websockets(data: bytes) -> list[Frame]:
    """Parse concatenated frames with a strict parser."""
    reader, frames = StreamReader(), []
    reader.feed_data(data)
    while reader.buffer:
        parsing = Frame.parse(reader.read_exact, mask=False, max_size=None)
        with pytest.raises(StopIteration) as parsed:
            next(parsing)
        frames.append(parsed.value.value)
    return frames


@pytest.mark.parametrize("length", LENGTHS)
def test_the_websockets_library_parses_a_frame(length: int) -> None:
    payload = b"x" * length

    [frame] = read_by_websockets(text_frame(payload))

    assert (frame.opcode, frame.data, frame.fin) == (Opcode.TEXT, payload, True)
    assert (frame.rsv1, frame.rsv2, frame.rsv3) == (False, False, False)


@pytest.mark.parametrize("length", LENGTHS)
def test_the_payload_is_returned(length: int) -> None:
    payload = bytes(n % 251 for n in range(length))

    assert payload_of(text_frame(payload)) == payload


@given(st.lists(st.one_of(st.binary(max_size=300), st.just(b"y" * 66_000)), max_size=5))
def test_concatenated_frames_are_split(payloads: list[bytes]) -> None:
    joined = b"".join(map(text_frame, payloads))

    assert payloads_of(joined) == payloads
    assert [bytes(frame.data) for frame in read_by_websockets(joined)] == payloads
