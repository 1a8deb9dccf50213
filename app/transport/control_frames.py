"""
Control frames, the short way (RFC 6455, sections 5.5 and 7.4).

Most connections end with one whole close frame and a common code, which is said back, and what
they hear of us between messages are pings, which they answer. What is anything else, websockets
judges.
"""

from .masking import apply_mask

_FIN_CLOSE = 0x88
_FIN_PING = 0x89
_FIN_PONG = 0x8A
_MASKED = 0x80
_MAX_PAYLOAD = 125
_HEAD = 6
# What a client may mean well by: it is done, or goes away; and what applications choose.
_COMMON = frozenset((1000, 1001, *range(3000, 5000)))


def close_answer(frame: bytes) -> bytes | None:
    """The frame that answers ``frame``, at least two bytes; None where websockets is to judge."""
    payload = _payload(frame, _FIN_CLOSE)
    if payload is None or (payload and int.from_bytes(payload[:2]) not in _COMMON):
        return None
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        return None
    return bytes((_FIN_CLOSE, len(payload))) + payload


def ping(payload: bytes) -> bytes:
    """A ping; ``payload`` has at most 125 bytes."""
    return bytes((_FIN_PING, len(payload))) + payload


def pong_payload(frame: bytes) -> bytes | None:
    """What a pong says, ``frame`` having at least two bytes; None if it isn't one."""
    return _payload(frame, _FIN_PONG)


def _payload(frame: bytes, first: int) -> bytes | None:
    """Of one whole masked frame that begins with ``first``."""
    length = frame[1] - _MASKED
    if frame[0] != first or not 0 <= length <= _MAX_PAYLOAD or len(frame) != _HEAD + length:
        return None
    return apply_mask(frame[_HEAD:], frame[_HEAD - 4 : _HEAD])
