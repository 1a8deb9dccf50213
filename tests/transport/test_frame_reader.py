"""Cutting what comes in into frames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from app.domain.close_codes import Close
from app.transport.control_frames import INVALID_TEXT
from app.transport.frame_reader import FrameReader, Unhandled

MAX = 1_000


def masked(frame: Frame) -> bytes:
    return frame.serialize(mask=True)


def text(said: str, *, fin: bool = True) -> bytes:
    return masked(Frame(Opcode.TEXT, said.encode(), fin=fin))


def split(*reads: bytes, at_most: int = 1_000) -> list[str | Unhandled | Close]:
    reader = FrameReader(MAX)
    found = []
    for read in reads:
        found += reader.split(read, at_most)
        while reader.has_more:
            found += reader.split(b"", at_most)
    return found


@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=150), max_size=6),
    st.lists(st.integers(0, 2_000), max_size=10),
    st.integers(1, 4),
)
def test_texts_come_out_wherever_the_stream_is_cut(
    said: list[str], cuts: list[int], at_most: int
) -> None:
    stream = b"".join(map(text, said))
    ends = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})

    reads = (stream[a:b] for a, b in zip(ends, ends[1:], strict=False))
    assert split(*reads, at_most=at_most) == said


def test_no_more_than_the_share_of_a_turn_is_read() -> None:
    reader = FrameReader(MAX)

    assert reader.split(text("x") * 5, 2) == ["x", "x"]
    assert reader.has_more
    assert reader.split(b"", 2) == ["x", "x"]
    assert reader.has_more
    assert reader.split(text("y"), 2) == ["x", "y"]
    assert not reader.has_more


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(masked(Frame(Opcode.PING, b"x")), id="ping"),
        pytest.param(masked(Frame(Opcode.PONG, b"")), id="pong"),
        pytest.param(masked(Frame(Opcode.CLOSE, b"\x03\xe8")), id="close"),
        pytest.param(masked(Frame(Opcode.BINARY, b"x")), id="binary"),
        pytest.param(b"\xc1" + text("x")[1:], id="compressed"),
    ],
)
def test_what_is_no_plain_text_is_for_websockets(data: bytes) -> None:
    assert split(text("a") + data + text("b")) == ["a", Unhandled(data), "b"]


def test_in_a_fragmented_message_all_is_for_websockets() -> None:
    parts = [
        text("a", fin=False),
        masked(Frame(Opcode.PING, b"")),
        masked(Frame(Opcode.CONT, b"b", fin=False)),
        masked(Frame(Opcode.CONT, b"c")),
    ]

    found = split(b"".join(parts) + text("after"))

    assert found == [*(Unhandled(part) for part in parts), "after"]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(text("x" * (MAX + 1)), id="too large"),
        pytest.param(text("x" * (MAX + 1))[:4], id="too large, from its head"),
        pytest.param(Frame(Opcode.TEXT, b"x").serialize(mask=False), id="not masked"),
        pytest.param(b"\x81\xff" + b"\xff" * 8, id="a length of 64 bits"),
    ],
)
def test_what_will_end_the_connection_is_handed_on_with_all_that_follows(data: bytes) -> None:
    [said, rest] = split(text("good") + data)

    assert said == "good"
    assert rest == Unhandled(data)


def test_a_text_that_is_no_utf_8_is_the_last_thing_read() -> None:
    bad = masked(Frame(Opcode.TEXT, b"\xff\xfe"))

    assert split(text("good") + bad + text("more")) == ["good", INVALID_TEXT]
