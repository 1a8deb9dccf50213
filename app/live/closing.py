"""
The closing handshake of a client, read the short way (RFC 6455, sections 5.5.1 and 7.4).

Most connections end with one whole close frame and a common code, which is said back. What is
anything else, websockets judges.
"""

from app.live.masking import apply_mask

_FIN_CLOSE = 0x88
_MASKED = 0x80
_MAX_PAYLOAD = 125
_HEAD = 6
# What a client may mean well by: it is done, or goes away; and what applications choose.
_COMMON = frozenset((1000, 1001, *range(3000, 5000)))


def close_answer(frame: bytes) -> bytes | None:
    """The frame that answers ``frame``, at least two bytes; None where websockets is to judge."""
    length = frame[1] - _MASKED
    if frame[0] != _FIN_CLOSE or not 0 <= length <= _MAX_PAYLOAD or len(frame) != _HEAD + length:
        return None
    payload = apply_mask(frame[_HEAD:], frame[_HEAD - 4 : _HEAD])
    if payload and int.from_bytes(payload[:2]) not in _COMMON:
        return None
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        return None
    return bytes((_FIN_CLOSE, length)) + payload
