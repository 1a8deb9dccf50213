"""
Server-to-client WebSocket frames, made once and written to any number of sockets.

RFC 6455, section 5.2: FIN and the text opcode, no mask, the length in 7, 16 or 64 bits. Legal
whether or not compression was negotiated, because RSV1 is 0 (RFC 7692, section 6).
"""

from struct import pack

_TEXT = 0x81
_BINARY = 0x82
_SHORT = 126
_MEDIUM = 1 << 16


def text_frame(payload: bytes) -> bytes:
    """A finished text frame around ``payload``, which is UTF-8."""
    length = len(payload)
    if length < _SHORT:
        return bytes((_TEXT, length)) + payload
    if length < _MEDIUM:
        return pack("!BBH", _TEXT, 126, length) + payload
    return pack("!BBQ", _TEXT, 127, length) + payload


def binary_frame(payload: bytes) -> bytes:
    """A finished binary frame."""
    return bytes((_BINARY,)) + text_frame(payload)[1:]


def payload_of(frame: bytes) -> bytes:
    """What :func:`text_frame` was given."""
    marker = frame[1]
    return frame[2 if marker < _SHORT else 4 if marker == _SHORT else 10 :]


def payloads_of(frames: bytes) -> list[bytes]:
    """What each of several joined frames was given."""
    payloads = []
    start = 0
    while start < len(frames):
        marker = frames[start + 1]
        if marker < _SHORT:
            head, length = 2, marker
        elif marker == _SHORT:
            head, length = 4, int.from_bytes(frames[start + 2 : start + 4])
        else:
            head, length = 10, int.from_bytes(frames[start + 2 : start + 10])
        payloads.append(frames[start + head : start + head + length])
        start += head + length
    return payloads
