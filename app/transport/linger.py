"""
The end of a connection: what was written is delivered, what still arrives is discarded.

Closing a socket while bytes wait in it to be read makes the kernel send RST, which can destroy
an answer that the peer has not read yet (RFC 9112, section 9.6; RFC 6455, section 7.1.1). So we
close our side, and wait for the peer to do the same, reading a bounded number of bytes, which are
discarded. The wait is bounded; a response that is still unsent has it renewed for as long as the
peer takes LINGER_PROGRESS_BYTES in that time.
"""

import asyncio
import fcntl
import socket
import struct
import termios
from asyncio import TimerHandle, Transport
from contextlib import suppress
from typing import Any

from ..domain.connection_limits import LINGER_BYTES, LINGER_PROGRESS_BYTES

# l_onoff = 1, l_linger = 0 (socket(7)): closing sends RST.
_NO_LINGER = struct.pack("ii", 1, 0)


class Linger(asyncio.Protocol):
    """Takes over a connection until the peer has closed it or the deadline has passed."""

    __slots__ = (
        "_budget",
        "_connections",
        "_deadline",
        "_extend",
        "_loop",
        "_transport",
        "_unsent",
        "_within",
    )

    def __init__(
        self, transport: Transport, connections: set[Any], within: float, *, extend: bool
    ) -> None:
        self._transport = transport
        self._connections = connections
        self._budget = LINGER_BYTES
        self._within = within
        self._extend = extend
        # At the last look, if the deadline may be extended.
        self._unsent = unacknowledged(transport) if extend else 0
        self._loop = asyncio.get_running_loop()
        self._deadline: TimerHandle | None = self._loop.call_later(within, self._on_deadline)

    def data_received(self, data: bytes) -> None:
        """Discard it; beyond the limit, stop reading and let the deadline end it."""
        self._budget -= len(data)
        if self._budget < 0 and not self._transport.is_closing():
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._connections.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def shutdown(self) -> None:
        """The server stops: send what is unsent, but don't wait for the peer to close."""
        self._extend = False
        self._transport.close()

    def _on_deadline(self) -> None:
        before, self._unsent = self._unsent, unacknowledged(self._transport)
        if self._extend and self._unsent and before - self._unsent >= LINGER_PROGRESS_BYTES:
            self._deadline = self._loop.call_later(self._within, self._on_deadline)
        else:
            reset(self._transport)


def linger(
    transport: Transport, connections: set[Any], within: float, *, extend: bool = False
) -> None:
    """
    End a connection, whose protocol gets no more callbacks.

    What was written is sent, then our side is closed. A peer that does not take it or does not
    close its own ``within`` so many seconds is dropped.

    Args:
        extend: Whether a peer that has taken LINGER_PROGRESS_BYTES gets as long for the rest.

    """
    if transport.is_closing():
        return
    successor = Linger(transport, connections, within, extend=extend)
    connections.add(successor)
    transport.set_protocol(successor)
    if transport.can_write_eof():
        transport.write_eof()
        transport.resume_reading()
    else:
        transport.close()


def reset(transport: Transport) -> None:
    """Drop the peer, and what the kernel still holds for it: RST, not FIN."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        # It may be closed already.
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


def unacknowledged(transport: Transport) -> int:
    """Bytes that the peer has not acknowledged; where the kernel doesn't say, those unsent."""
    unsent = transport.get_write_buffer_size()
    sock = transport.get_extra_info("socket")
    if sock is None:
        return unsent
    try:
        (in_kernel,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))
    except (OSError, ValueError):  # also if it is closed already
        return unsent
    return unsent + int(in_kernel)


def bound_send_buffer(transport: Transport, size: int) -> None:
    """Limit the kernel's send buffer: only bytes beyond it count as unsent."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
