"""
The common frame, read on the fast path.

Nearly everything that clients send is one whole, masked text frame (RFC 6455, section 5.2).
Those are unmasked here at a tenth of the cost. All else — control frames, fragments, binary,
compression, anything malformed — is passed on to websockets, which decides what the protocol
allows.
"""

from typing import NamedTuple

from ..domain.close_codes import Close
from .control_frames import INVALID_TEXT
from .masking import apply_mask

_FIN_TEXT = 0x81
_MASKED = 0x80
_CONTROL = 0x08
_MASK_BYTES = 4


class Unhandled(NamedTuple):
    """Bytes for websockets: one frame or, if no frame can be read after it, all the rest."""

    data: bytes


class FrameReader:
    """
    Cuts a byte stream into frames, across reads.

    Nothing can be read after a text that isn't UTF-8, an unmasked frame, or one that is too long:
    what :meth:`split` returns ends with it.

    Args:
        max_size: Bytes that a message may have; a longer one is not waited for.

    """

    __slots__ = ("_in_message", "_max_size", "_partial", "has_more")

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._partial = b""
        # Inside a fragmented message, only websockets knows what may come.
        self._in_message = False
        self.has_more = False
        """Whether :meth:`split` stopped at its limit: go on with ``split(b"", …)``."""

    def split(self, data: bytes, at_most: int) -> list[str | Unhandled | Close]:
        """
        Up to ``at_most`` frames, in order. An incomplete one waits for the next read.

        Returns:
            Texts; frames for websockets; why the connection has failed.

        """
        if self._partial:
            data = self._partial + data
            self._partial = b""
        self.has_more = False
        found: list[str | Unhandled | Close] = []
        start, end = 0, len(data)
        while end - start >= 2:
            if len(found) == at_most:
                self.has_more = True
                break
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
                found.append(Unhandled(data[start:]))
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
                    found.append(INVALID_TEXT)
                    return found
            else:
                found.append(Unhandled(data[start:stop]))
                if not first & _CONTROL:
                    self._in_message = not first & 0x80
            start = stop
        if start < end:
            self._partial = data[start:]
        return found
