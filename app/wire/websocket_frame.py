"""
Server-to-client WebSocket frames, encoded once and written to any number of sockets.

RFC 6455, section 5.2: FIN and the text opcode, no mask, the length in 7, 16 or 64 bits. Valid
whether or not compression was negotiated, because RSV1 is 0 (RFC 7692, section 6).
"""

from struct import pack

_TEXT = 0x81
_BINARY = 0x82
_SHORT = 126
_MEDIUM = 1 << 16


def text_frame(payload: bytes) -> bytes:
    """A complete text frame with ``payload``, which must be UTF-8."""
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
    """The payload of one frame made by :func:`text_frame`."""
    marker = frame[1]
    return frame[2 if marker < _SHORT else 4 if marker == _SHORT else 10 :]


def payloads_of(frames: bytes) -> list[bytes]:
    """The payloads of concatenated frames made by :func:`text_frame`."""
    payloads = []
    start = 0
    while start < len(frames):
        marker = frames[start + 1]
        if marker < _SHORT:
            header, length = 2, marker
        elif marker == _SHORT:
            header, length = 4, int.from_bytes(frames[start + 2 : start + 4])
        else:
            header, length = 10, int.from_bytes(frames[start + 2 : start + 10])
        payloads.append(frames[start + header : start + header + length])
        start += header + length
    return payloads
