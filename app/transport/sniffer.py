"""
Which protocol a new connection speaks: decided by its first bytes.

Most are WebSockets, and most handshakes are plain and arrive in one read: those are answered
without an HTTP parser. Any other connection is handed over to :mod:`app.transport.http`.
"""

from asyncio import Protocol, TimerHandle, Transport
from asyncio.transports import BaseTransport
from functools import partial
from typing import cast

from ..domain.addresses import subscriber
from .context import Address, ServerContext
from .handshake import Handshake, offers_compression, plain_handshake
from .http import HttpProtocol
from .websocket import WebSocketProtocol

_EMPTY_LINE = b"\r\n\r\n"


class ProtocolSniffer(Protocol):
    """Waits for the first bytes, then hands the connection over to the protocol they belong to."""

    __slots__ = ("_client", "_context", "_deadline", "_is_waiting", "_server", "_transport")

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._transport: Transport | None = None
        self._server: Address = None
        self._client: Address = None
        self._deadline: TimerHandle | None = None
        # Whether its handshake waits for its turn.
        self._is_waiting = False

    def connection_made(self, transport: BaseTransport) -> None:
        """Start the deadline of the first request."""
        self._transport = cast(Transport, transport)
        # Read the address now: it is gone if the peer disconnects before the first read.
        self._server = _address(transport.get_extra_info("sockname"))
        self._client = _address(transport.get_extra_info("peername"))
        self._context.server.connections.add(self)
        seconds = self._context.limits.request_seconds
        self._deadline = self._context.loop.call_later(seconds, self._transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer is gone before its protocol was known."""
        self._leave()
        self._stop_deadline()

    def data_received(self, data: bytes) -> None:
        """Recognise a plain handshake, and leave anything else to HTTP."""
        transport, context = self._transport, self._context
        assert transport is not None
        # Without an empty line these are three bytes, which aren't a handshake.
        end = data.find(_EMPTY_LINE) + len(_EMPTY_LINE)
        handshake = plain_handshake(data[:end])
        if handshake is None or (context.compression and offers_compression(handshake.headers)):
            self._leave()
            # Keep the deadline: sending bytes one by one must not extend it.
            http = HttpProtocol(context, transport, self._server, self._client, self._deadline)
            self._deadline = None
            transport.set_protocol(http)
            http.data_received(data)
            return
        host = subscriber(self._client[0]) if self._client else None
        if not context.handshakes.put(host, partial(self._open, handshake, data[end:])):
            transport.pause_reading()
            self._is_waiting = True

    def _open(self, handshake: Handshake, early: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            # The peer has gone while the handshake waited for its turn.
            return
        self._leave()
        self._stop_deadline()
        websocket = WebSocketProtocol(self._context, transport, handshake)
        transport.set_protocol(websocket)
        if self._is_waiting:
            transport.resume_reading()
        websocket.open(self._server, self._client, early)

    def shutdown(self) -> None:
        """The server stops."""
        if self._transport is not None:
            self._transport.close()

    def _leave(self) -> None:
        self._context.server.connections.discard(self)
        self._transport = None

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _address(known: object) -> Address:
    """Host and port; None where there is none."""
    return (str(known[0]), int(known[1])) if isinstance(known, tuple) else None
