"""The short way of control frames, beside the long one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Opcode
from websockets.protocol import Protocol, Side, State

from app.transport.control_frames import close_echo, close_payload, ping, pong_payload
from app.transport.masking import apply_mask

MASK = b"\x5a\x13\xc7\x88"


def masked(payload: bytes, opcode: Opcode = Opcode.CLOSE) -> bytes:
    """A frame as a client sends it, always by the same mask."""
    head = bytes((0x80 | opcode, 0x80 | len(payload)))
    return head + MASK + apply_mask(payload, MASK)


def judged(frame: bytes) -> bytes:
    """What websockets answers."""
    protocol = Protocol(Side.SERVER, state=State.OPEN)
    protocol.receive_data(frame)
    return b"".join(protocol.data_to_send())


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
@pytest.mark.parametrize("reason", ["", "bye", "ü" * 61])
def test_a_common_close_is_said_back(code: int, reason: str) -> None:
    frame = masked(Close(code, reason).serialize())

    payload = close_payload(frame)
    assert payload is not None
    assert close_echo(payload) == judged(frame)


def test_a_close_without_a_code_is_said_back() -> None:
    assert close_payload(masked(b"")) == b""
    assert close_echo(b"") == judged(masked(b"")) == b"\x88\x00"


@pytest.mark.parametrize(
    "frame",
    [
        masked(b"\x03"),
        masked((1005).to_bytes(2)),
        masked((999).to_bytes(2)),
        masked((5000).to_bytes(2)),
        masked((1002).to_bytes(2)),
        masked((1000).to_bytes(2) + b"\xff"),
        masked(b"hi", Opcode.PING),
        masked(b"hi", Opcode.TEXT),
        masked(b"")[:-1],
        masked(b"") + b"x",
        b"\x88\xfe\x00\x02\x00\x00\x00\x00\x03\xe8",
        # Not masked: as long as if it were.
        b"\x88\x02\x03\xe8abcd",
        b"\x08\x80\x00\x00\x00\x00",
        b"\xc8\x80\x00\x00\x00\x00",
    ],
)
def test_anything_else_is_left_to_websockets(frame: bytes) -> None:
    assert close_payload(frame) is None


@given(st.binary(max_size=125), st.sampled_from([1000, 1001, 1006, 2999, 3000, 4000, None]))
def test_nothing_is_answered_otherwise_than_by_websockets(rest: bytes, code: int | None) -> None:
    frame = masked(((b"" if code is None else code.to_bytes(2)) + rest)[:125])

    payload = close_payload(frame)
    assert payload is None or close_echo(payload) == judged(frame)


def test_a_ping_is_what_websockets_would_send() -> None:
    protocol = Protocol(Side.SERVER, state=State.OPEN)
    protocol.send_ping(b"1234")

    assert [ping(b"1234")] == protocol.data_to_send()


@pytest.mark.parametrize("payload", [b"", b"1234", b"x" * 125])
def test_a_pong_says_what_it_answers(payload: bytes) -> None:
    assert pong_payload(masked(payload, Opcode.PONG)) == payload


@pytest.mark.parametrize(
    "frame",
    [
        masked(b"1234", Opcode.PING),
        masked(b"1234", Opcode.CLOSE),
        masked(b"1234", Opcode.PONG)[:-1],
        masked(b"1234", Opcode.PONG) + b"x",
        # Not masked: as long as if it were.
        b"\x8a\x04abcdefgh",
        b"\x0a\x84" + MASK + b"1234",
    ],
)
def test_anything_else_is_no_pong(frame: bytes) -> None:
    assert pong_payload(frame) is None
