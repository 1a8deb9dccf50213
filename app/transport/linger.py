"""
The end of a connection: what was written arrives, what still comes is thrown away.

Closing a socket while bytes wait in it to be read makes the kernel send RST, which can destroy
an answer that the peer has not read yet (RFC 9112, section 9.6; RFC 6455, section 7.1.1). So we
stop sending, and wait for the peer to do the same: for a bounded time, over a bounded number of
bytes, none of which is looked at.
"""

import asyncio
import socket
import struct
from asyncio import TimerHandle, Transport
from contextlib import suppress
from typing import Any

from ..domain.limits import LINGER_BYTES

# On, and for no time (socket(7)).
_NO_LINGER = struct.pack("ii", 1, 0)


class Linger(asyncio.Protocol):
    """Takes a connection over, until its peer has closed it, or too much has come or passed."""

    __slots__ = ("_budget", "_connections", "_deadline", "_transport")

    def __init__(self, transport: Transport, connections: set[Any], within: float) -> None:
        self._transport = transport
        self._connections = connections
        self._budget = LINGER_BYTES
        loop = asyncio.get_running_loop()
        self._deadline: TimerHandle | None = loop.call_later(within, reset, transport)

    def data_received(self, data: bytes) -> None:
        """Throw it away; from too much on, leave it where it is."""
        self._budget -= len(data)
        if self._budget < 0 and not self._transport.is_closing():
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to wait for."""
        self._connections.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def shutdown(self) -> None:
        """The server stops: only what is unsent is waited for, within the deadline."""
        self._transport.close()


def linger(transport: Transport, connections: set[Any], within: float) -> None:
    """
    End a connection: its protocol hears no more of it.

    What was written is sent, then our side is closed. A peer that does not take it or does not
    close its own ``within`` so many seconds is dropped.
    """
    if transport.is_closing():
        return
    successor = Linger(transport, connections, within)
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
        # Closed already: then there is nothing that lingers.
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


def bound_send_buffer(transport: Transport, size: int) -> None:
    """Bound what the kernel buffers for a peer, so that our own count begins where it ends."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
