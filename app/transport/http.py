"""
The HTTP/1.1 protocol of ``parley serve``: a connection, its requests one after the other.

A request is read by :class:`RequestReader`, reaches the app as an :class:`HttpExchange` when its
header is complete, and is answered before the next one is parsed. The time from its first byte to
its last is limited. While one is answered, at most MAX_PIPELINED_BYTES are kept for later; with
more, its answer is the last.
"""

import logging
from asyncio import Protocol, TimerHandle, Transport
from functools import partial

from ..domain.addresses import subscriber
from ..domain.connection_limits import HTTP_SEND_BUFFER_BYTES
from .context import Address, Headers, ServerContext
from .flow import WriteGate
from .handshake import Handshake
from .handshake import Headers as Fields
from .handshake_slow_path import Rejection, check_handshake
from .http_exchange import HttpExchange, whole_response
from .http_reader import RequestReader
from .http_request import InvalidRequest, Request
from .linger import bound_send_buffer, linger
from .scopes import http_scope
from .websocket import WebSocketProtocol

log = logging.getLogger("parley.http")

_PLAIN = (b"content-type", b"text/plain; charset=utf-8")
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


class HttpProtocol(Protocol):
    """
    One connection.

    Args:
        deadline: The timer of the first request, started when the connection was made.

    """

    __slots__ = (
        "_client",
        "_context",
        "_ended",
        "_exchange",
        "_host",
        "_idle",
        "_reader",
        "_server",
        "_stopping",
        "_timer",
        "_transport",
        "_turn_is_planned",
        "write",
        "writable",
    )

    def __init__(
        self,
        context: ServerContext,
        transport: Transport,
        server: Address,
        client: Address,
        deadline: TimerHandle | None,
    ) -> None:
        self._context = context
        self._transport = transport
        self._server = server
        self._client = client
        self._host = subscriber(client[0]) if client else None
        # Ends the connection if a request isn't complete in time or, while idle, if none comes.
        self._timer = deadline
        self._idle = False
        self._reader = RequestReader(context.limits)
        self._exchange: HttpExchange | None = None
        # Whether bytes that were received will be parsed in another turn of the loop.
        self._turn_is_planned = False
        self._stopping = False
        self._ended = False
        self.write = transport.write
        self.writable = WriteGate(context.loop)
        bound_send_buffer(transport, HTTP_SEND_BUFFER_BYTES)
        context.server.connections.add(self)

    @property
    def default_headers(self) -> Headers:
        """Those of every response."""
        return self._context.server.default_headers

    # What the event loop calls

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._idle:
            self._idle = False
            self._stop_timer()
        self._read(data)

    def eof_received(self) -> bool:
        """The peer sends nothing more; whether it still gets an answer: it does to a change."""
        # A peer that has closed looks the same: what only reads, and may wait long, is given up.
        request = self._reader.request
        if self._exchange is None or request is None or not request.complete:
            return False
        self._exchange.keep_alive = False
        return request.method not in _SAFE

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer is gone."""
        self._context.server.connections.discard(self)
        self._end()

    def pause_writing(self) -> None:
        """More is unsent than the peer takes."""
        self.writable.shut()

    def resume_writing(self) -> None:
        """The peer has taken what there was."""
        self.writable.open()

    def shutdown(self) -> None:
        """The server stops: close once the request that is being answered has been."""
        self._stopping = True
        if self._exchange is None:
            self._transport.close()
        else:
            self._exchange.keep_alive = False

    # Reading

    def _read(self, data: bytes) -> None:
        """Parse what has come, and decide how reading goes on."""
        try:
            self._reader.receive(data)
        except InvalidRequest as exc:
            self._refuse(400, str(exc))
            return
        request = self._reader.request
        if request is not None:
            self._advance(request)
        self._expect_rest()
        self.read_on()

    def _advance(self, request: Request) -> None:
        """More of the current request has come, or its turn has."""
        if request.complete:
            self._stop_timer()
        if request.wants_websocket:
            self._context.handshakes.put(self._host, partial(self._become_websocket, request))
        elif self._exchange is None:
            exchange = self._exchange = HttpExchange(self, request)
            self._context.requests.put(self._host, partial(self._run_app, exchange, request))
        else:
            self._exchange.wake()
        if self._exchange is not None and self._reader.drop_excess():
            self._exchange.keep_alive = False

    def read_on(self) -> None:
        """
        Read what comes next, as far as the current request allows.

        Called after every change of what this looks at; nothing else pauses the socket. Bytes that
        have been received are parsed first, in another turn of the loop, and the socket is paused
        for as long as some wait. Behind a complete request they wait for the response; until some
        come, the socket is read, so that the loss of the peer is noticed.
        """
        if self._ended or self._transport.is_closing():
            return
        reader = self._reader
        request = reader.request
        is_held = request is not None and (request.is_long or request.wants_websocket)
        if not (self._turn_is_planned or is_held or reader.has_ahead):
            self._transport.resume_reading()
            return
        self._transport.pause_reading()
        if not self._turn_is_planned and not is_held and reader.wants_more:
            self._turn_is_planned = True
            self._context.loop.call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._turn_is_planned = False
        if not self._ended:
            self._read(b"")

    # Answering

    def on_response(self) -> None:
        """The response is complete."""
        exchange, request = self._exchange, self._reader.request
        assert exchange is not None
        assert request is not None
        self._exchange = None
        # An answered request is not read to its end in order to find the next one.
        if not exchange.keep_alive or not request.complete or self._stopping:
            self._close()
            return
        try:
            self._reader.next_request()
        except InvalidRequest as exc:
            self._refuse(400, str(exc))
            return
        if self._reader.request is not None or self._reader.has_ahead:
            # No deadline until `pipelined` calls: the peer can't make that wait shorter.
            self._turn_is_planned = True
            self.read_on()
            self._context.pipelined.put(self._host, self._take_turn)
        else:
            self._idle = True
            seconds = self._context.limits.keep_alive_seconds
            self._timer = self._context.loop.call_later(seconds, self._close)
            self.read_on()

    def _run_app(self, exchange: HttpExchange, request: Request) -> None:
        if exchange.disconnected:
            return  # The peer has gone while the request waited for its turn.
        context = self._context
        scope = http_scope(context, self._transport, self._server, self._client, request)
        done = partial(self._on_app_done, exchange)
        context.run_app(scope, exchange.receive, exchange.send, done)

    def _on_app_done(self, exchange: HttpExchange, failure: BaseException | None) -> None:
        if failure is not None:
            log.error("request.failed", exc_info=failure)
        if exchange is not self._exchange or self._ended:
            return
        if exchange.started:
            self._transport.close()
        else:
            self._answer(500, [_PLAIN], b"Internal Server Error")

    def _refuse(self, status: int, detail: str, added: Fields = ()) -> None:
        """Answer an invalid request; nothing more is read."""
        if self._exchange is not None and self._exchange.started:
            self._close()
        else:
            refusal = self._context.refuse(status, detail)
            self._answer(refusal.status, [*refusal.headers, *added], refusal.body)

    def _answer(self, status: int, headers: Headers, body: bytes) -> None:
        if not self._transport.is_closing():
            self.write(whole_response(status, [*self.default_headers, *headers], body))
        self._close()

    def _become_websocket(self, request: Request) -> None:
        """Open it, or say why it is no handshake. Called in its turn: judging takes a while."""
        if self._ended or self._transport.is_closing():
            return
        if not self.writable.is_open:
            # It has not taken the answers before this. No client asks for a socket then.
            self._close()
            return
        target, headers = request.origin_form(), request.headers
        compressed = self._context.compression
        found = check_handshake(request.method, target, headers, compression=compressed)
        if isinstance(found, Rejection):
            self._refuse(*found)
        else:
            self._open_websocket(found)

    def _open_websocket(self, handshake: Handshake) -> None:
        websocket = WebSocketProtocol(self._context, self._transport, handshake)
        self._transport.set_protocol(websocket)
        self._transport.resume_reading()
        early = self._reader.take_ahead()
        self._end()
        websocket.open(self._server, self._client, early)
        self._context.server.connections.discard(self)

    # Ending

    def _close(self) -> None:
        """Close once what was written is delivered; nothing more is read."""
        self._end()
        if not self._transport.is_closing():
            connections, limits = self._context.server.connections, self._context.limits
            linger(self._transport, connections, limits.close_seconds, extend=True)
            connections.discard(self)

    def _end(self) -> None:
        self._ended = True
        self._stop_timer()
        self._reader.close()
        self.writable.open()
        if self._exchange is not None:
            self._exchange.disconnect()
            self._exchange = None

    def _expect_rest(self) -> None:
        """Give a request that is incomplete a deadline, from its first byte on."""
        request = self._reader.request
        if self._timer is None and not self._ended and (request is None or not request.complete):
            limits, loop = self._context.limits, self._context.loop
            self._timer = loop.call_later(limits.request_seconds, self._transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
