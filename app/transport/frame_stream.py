"""
What a peer sends on an open WebSocket, in one order.

Whole texts are read by :class:`FrameReader`, and so are the control frames that nearly all peers
send; the rest is for :class:`FrameSlowPath`, made when it is first needed. Whichever handles
a frame, the results are in the order in which the frames were sent. No I/O.
"""

from collections.abc import Callable, Iterator, Sequence

from websockets.extensions import Extension
from websockets.frames import Opcode

from ..domain.token_bucket import TokenBucket
from . import control_frames as control
from .context import TransportLimits
from .control_frames import Control
from .frame_reader import FrameReader, Unhandled
from .frame_slow_path import FrameResult, FrameSlowPath


class FrameStream:
    """
    The frames of one open connection.

    Args:
        extensions: Those that the handshake agreed on.
        time: The clock for the rate of control frames.

    """

    __slots__ = ("_bucket", "_extensions", "_slow_path", "_limits", "_reader", "_time")

    def __init__(
        self, limits: TransportLimits, extensions: Sequence[Extension], time: Callable[[], float]
    ) -> None:
        self._limits = limits
        self._extensions = extensions
        self._time = time
        self._reader = FrameReader(limits.max_message_bytes)
        self._slow_path: FrameSlowPath | None = None
        self._bucket: TokenBucket | None = None

    @property
    def has_more(self) -> bool:
        """Whether :meth:`read` stopped at the share of a turn: go on with ``read(b"")``."""
        return self._reader.has_more

    def read(self, data: bytes) -> Iterator[FrameResult]:
        """
        What has come, up to the share of one turn of the loop.

        Returns:
            Messages and control frames. After a :class:`Close` (the connection has failed) or
            a close frame, don't iterate further and don't call this again.

        """
        for found in self._reader.split(data, self._limits.frames_per_turn):
            if type(found) is Unhandled:
                yield from self._read_unhandled(found.data)
            else:
                yield found  # type: ignore[misc]

    def is_too_fast(self) -> bool:
        """Count a frame that isn't a message; whether there have been too many."""
        now = self._time()
        if self._bucket is None:
            given = self._limits
            rate, burst = given.control_frames_per_second, given.control_frame_burst
            self._bucket = TokenBucket(rate, burst, now)
        return self._bucket.take(now) > 0

    def close(self) -> None:
        """Break the reference cycle here instead of leaving it to the GC."""
        if self._slow_path is not None:
            self._slow_path.close()

    def _read_unhandled(self, data: bytes) -> Iterator[FrameResult]:
        payload = control.pong_payload(data)
        if payload is not None:
            return iter((Control(Opcode.PONG, payload),))
        payload = control.close_payload(data)
        if payload is not None:
            return iter((Control(Opcode.CLOSE, payload),))
        if self._slow_path is None:
            self._slow_path = FrameSlowPath(self._limits.max_message_bytes, self._extensions)
        return self._slow_path.receive(data)
