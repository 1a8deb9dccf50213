"""
When the bytes of a connection are read: in turns of the event loop, and not while it is paused.

The socket is paused while bytes wait here, so at most what the event loop reads at once waits.
"""

from asyncio import AbstractEventLoop, Transport
from collections.abc import Callable

Read = Callable[[bytes], bool]
"""Takes bytes; returns whether some of them are left for another turn, called with ``b""``."""


class ReadPacer:
    """
    Passes on the bytes of one connection, in order.

    Bytes that come before :meth:`start` are kept.

    Args:
        transport: Its reading is paused while bytes wait.

    """

    __slots__ = ("_is_scheduled", "_loop", "_paused", "_read", "_transport", "_unread")

    def __init__(self, loop: AbstractEventLoop, transport: Transport) -> None:
        self._loop = loop
        self._transport = transport
        # None before the start and after the stop.
        self._read: Read | None = None
        self._unread = b""
        self._paused = False
        # Whether the next turn of the loop goes on with the bytes that wait.
        self._is_scheduled = False

    @property
    def is_waiting(self) -> bool:
        """Whether unread bytes may exist: some are kept, reading is paused, or in another turn."""
        return self._paused or self._is_scheduled or bool(self._unread)

    def start(self, read: Read) -> None:
        """Call ``read`` with the bytes that were kept, in another turn, and with all that come."""
        self._read = read
        if self._unread:
            self._read_later()

    def stop(self) -> None:
        """Read nothing more: drop the bytes that wait, and leave the transport alone."""
        self._read, self._unread = None, b""

    def receive(self, data: bytes) -> None:
        """Read bytes that have come, or keep them."""
        if self._read is None or self._paused:
            self.keep(data)
        elif self._read(data):
            self._read_rest_later()

    def keep(self, data: bytes) -> None:
        """Keep bytes for later."""
        self._unread += data
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def pause(self) -> None:
        """Read no more for now; the rest of this turn is still read."""
        self._paused = True
        if self._read is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on, in another turn."""
        self._paused = False
        self._read_later()

    def _read_rest_later(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()
            self._read_later()

    def _read_later(self) -> None:
        if self._may_read():
            self._is_scheduled = True
            self._loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        self._is_scheduled = False
        if self._read is None or not self._may_read():
            return
        unread, self._unread = self._unread, b""
        if self._read(unread):
            self._read_rest_later()
        elif self._may_read():
            self._transport.resume_reading()

    def _may_read(self) -> bool:
        """Whether to read now: started, not paused, and no turn is scheduled already."""
        if self._read is None or self._paused or self._is_scheduled:
            return False
        return not self._transport.is_closing()
