"""
The HTTP protocol of ``parley serve``: uvicorn's own, with an end to waiting.

uvicorn waits for ever for the rest of a request, and httptools keeps a header of any size.
"""

from asyncio import TimerHandle, Transport
from weakref import WeakKeyDictionary

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import is_ssl
from uvicorn.server import ServerState

from app.domain.limits import MAX_HEADER_BYTES, REQUEST_SECONDS
from app.live.opening import accept_value, offers_compression
from app.live.transport import ParleyWebSocketProtocol

# Of each server, a WebSocket that is never connected: the others are copies of it.
_FIRST: WeakKeyDictionary[ServerState, ParleyWebSocketProtocol] = WeakKeyDictionary()


class ParleyHttpProtocol(HttpToolsProtocol):
    """Requests arrive within :data:`REQUEST_SECONDS`, behind a header of bounded size."""

    _deadline: TimerHandle | None = None
    # Bytes since the request began; None while its body comes, which the app limits.
    _header_bytes: int | None = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """The first request has to come soon."""
        # As uvicorn, which makes a socket object for each address.
        self.connections.add(self)
        self.transport = transport
        self.flow = FlowControl(transport)
        self.server = _address(transport.get_extra_info("sockname"))
        self.client = _address(transport.get_extra_info("peername"))
        self.scheme = "https" if is_ssl(transport) else "http"
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self._overdue)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to wait for."""
        self._stop_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As uvicorn, while the header is not too large."""
        if self._header_bytes is not None:
            self._header_bytes += len(data)
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self._overdue)
        super().data_received(data)
        if self._header_bytes is not None and self._header_bytes > MAX_HEADER_BYTES:
            self.send_400_response("The header of the request is too large.")

    def handle_websocket_upgrade(self) -> None:
        """From here on the socket is another protocol's."""
        self._stop_deadline()
        # It holds the protocol, which nobody needs any more: as uvicorn when a connection ends.
        self.parser = None  # type: ignore[assignment]
        asked = self.scope
        accept = accept_value(asked["method"], asked["http_version"], self.url, self.headers)
        compressed = self.config.ws_per_message_deflate and offers_compression(self.headers)
        if accept is None or compressed:
            super().handle_websocket_upgrade()
            return
        self.connections.discard(self)
        protocol = self._websocket()
        protocol.open(self.transport, asked, self.url, accept)
        self.transport.set_protocol(protocol)

    def _websocket(self) -> ParleyWebSocketProtocol:
        first = _FIRST.get(self.server_state)
        if first is None:
            first = _FIRST[self.server_state] = ParleyWebSocketProtocol(
                config=self.config, server_state=self.server_state, app_state=self.app_state
            )
        websocket = first.fresh()
        # Uvicorn makes them anew each second: the date is among them.
        websocket.default_headers = self.server_state.default_headers
        return websocket

    def on_headers_complete(self) -> None:
        """What follows is the body."""
        self._header_bytes = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is here. A next one begins with another header."""
        self._header_bytes = 0
        self._stop_deadline()
        super().on_message_complete()

    def _overdue(self) -> None:
        self._deadline = None
        self.transport.abort()

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _address(known: object) -> tuple[str, int] | None:
    """Host and port; None for a socket that has none."""
    return (str(known[0]), int(known[1])) if isinstance(known, tuple) else None
