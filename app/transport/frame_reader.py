"""
The common frame, read the short way.

Nearly everything that clients send is one whole, masked text frame (RFC 6455, section 5.2).
Those are unmasked here at a tenth of the cost. All else — control frames, fragments, binary,
compression, anything malformed — is cut off and handed on to websockets, which stays the
judge of what the protocol allows.
"""

from typing import NamedTuple

from .masking import apply_mask

_FIN_TEXT = 0x81
_MASKED = 0x80
_CONTROL = 0x08
_MASK_BYTES = 4


class Unhandled(NamedTuple):
    """What is for websockets."""

    data: bytes
    final: bool
    """Whether all that follows is, too: it will close the connection."""


class FrameReader:
    """
    Cuts a byte stream into frames, across reads.

    Args:
        max_size: Bytes that a message may have; a longer one is not waited for.

    """

    __slots__ = ("_in_message", "_max_size", "_partial")

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._partial = b""
        # Inside a fragmented message, only websockets knows what may come.
        self._in_message = False

    def split(self, data: bytes) -> list[str | Unhandled]:
        """Texts and leftovers, in order. What is not yet whole waits for the next read."""
        if self._partial:
            data = self._partial + data
            self._partial = b""
        found: list[str | Unhandled] = []
        start, end = 0, len(data)
        while end - start >= 2:
            first, second = data[start], data[start + 1]
            length, head = second & 0x7F, 2
            if length == 126:
                head = 4
                length = int.from_bytes(data[start + 2 : start + 4])
            elif length == 127:
                head = 10
                length = int.from_bytes(data[start + 2 : start + 10])
            if end - start < head:
                break
            if length > self._max_size or not second & _MASKED:
                found.append(Unhandled(data[start:], final=True))
                return found
            payload = start + head + _MASK_BYTES
            stop = payload + length
            if stop > end:
                break
            if first == _FIN_TEXT and not self._in_message:
                try:
                    mask = data[payload - _MASK_BYTES : payload]
                    found.append(apply_mask(data[payload:stop], mask).decode())
                except UnicodeDecodeError:
                    found.append(Unhandled(data[start:], final=True))
                    return found
            else:
                found.append(Unhandled(data[start:stop], final=False))
                if not first & _CONTROL:
                    self._in_message = not first & 0x80
            start = stop
        if start < end:
            self._partial = data[start:]
        return found
