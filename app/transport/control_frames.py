"""
Control frames: ours, and on the fast path those of a peer (RFC 6455, sections 5.5 and 7.4).

Most connections end with one whole close frame and a common code, which is echoed, and what
they send between messages are pongs to our pings. Anything else is left to websockets.
"""

from typing import NamedTuple

from websockets.frames import Opcode

from ..domain.close_codes import Close
from .masking import apply_mask

_FIN_CLOSE = 0x88
_FIN_PING = 0x89
_FIN_PONG = 0x8A
_MASKED = 0x80
_MAX_PAYLOAD = 125
_HEAD = 6
MAX_REASON_BYTES = _MAX_PAYLOAD - 2
# Those of the protocol that a close frame may have (RFC 6455, section 7.4), and of applications.
_SENDABLE = frozenset((*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)))
# Codes that well-behaved clients send, and those that applications may choose.
_COMMON = frozenset((1000, 1001, *range(3000, 5000)))

# Codes of the protocol itself (RFC 6455, section 7.4.1); our own are in app.domain.close_codes.
NORMAL = Close(1000, "")
INVALID_TEXT = Close(1007, "invalid UTF-8")
APP_FAILED = Close(1011, "")
RESTARTING = Close(1012, "")


class Control(NamedTuple):
    """A legal control frame, or a fragment before the last: nothing for the app."""

    opcode: Opcode
    payload: bytes


def may_be_sent(code: int) -> bool:
    """Whether a close frame may have this code."""
    return code in _SENDABLE


def close_payload(frame: bytes) -> bytes | None:
    """The payload of a close frame with a common code; None if it is left to websockets."""
    payload = _payload(frame, _FIN_CLOSE)
    if payload is None or (payload and int.from_bytes(payload[:2]) not in _COMMON):
        return None
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        return None
    return payload


def close_echo(payload: bytes) -> bytes:
    """The close frame that echoes the peer's."""
    return bytes((_FIN_CLOSE, len(payload))) + payload


def close_frame(code: int, reason: str) -> bytes:
    """A close frame; ``reason`` has at most 123 bytes in UTF-8."""
    return close_echo(code.to_bytes(2) + reason.encode())


def ping(payload: bytes) -> bytes:
    """A ping; ``payload`` has at most 125 bytes."""
    return bytes((_FIN_PING, len(payload))) + payload


def pong(payload: bytes) -> bytes:
    """The answer to a ping."""
    return bytes((_FIN_PONG, len(payload))) + payload


def pong_payload(frame: bytes) -> bytes | None:
    """The payload of a pong; None if it isn't one. ``frame`` has at least two bytes."""
    return _payload(frame, _FIN_PONG)


def _payload(frame: bytes, first: int) -> bytes | None:
    """The payload of one whole masked frame that begins with ``first``; else None."""
    length = frame[1] - _MASKED
    if frame[0] != first or not 0 <= length <= _MAX_PAYLOAD or len(frame) != _HEAD + length:
        return None
    return apply_mask(frame[_HEAD:], frame[_HEAD - 4 : _HEAD])
