"""
Where connections come in, before it is known what they are.

Most are WebSockets, and most handshakes are plain and arrive in one piece: those are answered
without an HTTP parser and all that goes with it. For everybody else HTTP begins here.
"""

from asyncio import AbstractEventLoop, Protocol, TimerHandle, Transport, get_running_loop
from asyncio.transports import BaseTransport
from typing import Any, cast
from weakref import WeakKeyDictionary

from uvicorn.config import Config
from uvicorn.server import ServerState

from ..domain.limits import REQUEST_SECONDS
from .http import HttpProtocol
from .websocket import Address, WebSocketProtocol
from .ws_handshake import offers_compression, plain_handshake

# Of each server, a WebSocket that is never connected: the others are copies of it.
_FIRST: WeakKeyDictionary[ServerState, WebSocketProtocol] = WeakKeyDictionary()


class ProtocolSniffer(Protocol):
    """uvicorn's ``http`` protocol, until the first bytes tell which one it has to be."""

    __slots__ = (
        "_app_state",
        "_client",
        "_config",
        "_deadline",
        "_loop",
        "_server",
        "_server_state",
        "_transport",
    )

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._loop = _loop or get_running_loop()
        self._transport: Transport | None = None
        self._server: Address = None
        self._client: Address = None
        self._deadline: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """The first request has to be here soon."""
        self._transport = cast(Transport, transport)
        # Now: who sends and goes at once has none when it is read.
        self._server = _address(transport.get_extra_info("sockname"))
        self._client = _address(transport.get_extra_info("peername"))
        self._server_state.connections.add(self)  # type: ignore[arg-type]
        self._deadline = self._loop.call_later(REQUEST_SECONDS, self._transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody came in."""
        self._leave()
        self._stop_deadline()

    def data_received(self, data: bytes) -> None:
        """Let in, by the way that fits."""
        transport = self._transport
        assert transport is not None
        self._leave()
        handshake = plain_handshake(data)
        if handshake is None or (
            self._config.ws_per_message_deflate and offers_compression(handshake.headers)
        ):
            http = HttpProtocol(self._config, self._server_state, self._app_state, self._loop)
            # Bytes that come singly buy nobody more time.
            http.deadline, self._deadline = self._deadline, None
            http.connection_made(transport)
            http.server, http.client = self._server, self._client
            transport.set_protocol(http)
            http.data_received(data)
            return
        self._stop_deadline()
        websocket = self._websocket()
        transport.set_protocol(websocket)
        websocket.open(transport, handshake, self._server, self._client)

    def shutdown(self) -> None:
        """The server stops."""
        if self._transport is not None:
            self._transport.close()

    def _leave(self) -> None:
        self._server_state.connections.discard(self)
        self._transport = None

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _websocket(self) -> WebSocketProtocol:
        state = self._server_state
        first = _FIRST.get(state)
        if first is None:
            first = _FIRST[state] = WebSocketProtocol(
                config=self._config, server_state=state, app_state=self._app_state
            )
        websocket = first.fresh()
        # Uvicorn makes them anew each second: the date is among them.
        websocket.default_headers = state.default_headers
        return websocket


def _address(known: object) -> Address:
    """Host and port, without the socket object that uvicorn makes; None if there is none."""
    return (str(known[0]), int(known[1])) if isinstance(known, tuple) else None
