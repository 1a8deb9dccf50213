"""
The WebSocket protocol of ``parley serve`` (RFC 6455): an open connection, and how it ends.

::

    CONNECTING ── accept ──▶ OPEN ── close, failure, loss ──▶ ENDED
         └───────────────── refusal, loss ──────────────────────┘

The handshake has been read by :mod:`app.transport.sniffer` or by HTTP. Frames are then read by a
:class:`FrameStream` and handled in order. Nothing is handled after what ends the connection:
:mod:`app.transport.linger` takes over the socket.
"""

import asyncio
import logging
from asyncio import Transport
from collections.abc import Callable, Iterable
from enum import Enum

from websockets.frames import Opcode

from ..domain.close_codes import IDLE, RATE_LIMITED, Close
from ..domain.connection_limits import SOCKET_SEND_BUFFER_BYTES, WRITE_HIGH_WATER_BYTES
from . import control_frames as control
from .base import OnClose, OnMessage
from .context import Address, ServerContext
from .control_frames import Control
from .flow import WriteGate
from .frame_stream import FrameStream
from .handshake import Handshake, refusal, switching
from .keepalive import Keepalive
from .linger import bound_send_buffer, linger, reset
from .read_pacer import ReadPacer
from .scopes import websocket_scope
from .ws_asgi import AsgiSide

log = logging.getLogger("parley.ws")


class State(Enum):
    """The state of a connection."""

    CONNECTING = "the handshake has been read, and not been answered"
    OPEN = "frames go both ways"
    ENDED = "nothing is read or written any more"


class WebSocketProtocol(asyncio.Protocol):
    """One connection; a :class:`~app.transport.base.WebSocketTransport` to its app."""

    __slots__ = (
        "_context",
        "_due_pong",
        "_handshake",
        "_keepalive",
        "_on_close",
        "_on_message",
        "_pacer",
        "_state",
        "_stream",
        "_transport",
        "_writable",
        "unsent",
        "write",
    )

    def __init__(self, context: ServerContext, transport: Transport, handshake: Handshake) -> None:
        self._context = context
        self._transport = transport
        # The transport's own methods: a broadcast is written without a call in between.
        self.write: Callable[[bytes], None] = transport.write
        self.unsent: Callable[[], int] = transport.get_write_buffer_size
        self._state = State.CONNECTING
        self._handshake: Handshake | None = handshake
        self._on_message: OnMessage | None = None
        self._on_close: OnClose | None = None
        self._pacer = ReadPacer(context.loop, transport)
        self._stream = FrameStream(context.limits, handshake.extensions, context.loop.time)
        self._writable = WriteGate(context.loop)
        # The pong to the last ping that came while the peer read nothing.
        self._due_pong: bytes | None = None
        self._keepalive: Keepalive | None = None

    def open(self, server: Address, client: Address, early: bytes) -> None:
        """
        Start the app with the handshake.

        Args:
            early: Bytes that came with the handshake: frames, read once it is accepted.

        """
        handshake, context = self._handshake, self._context
        assert handshake is not None
        if early:
            self._pacer.keep(early)
        bound_send_buffer(self._transport, SOCKET_SEND_BUFFER_BYTES)
        # As drained() promises.
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_WATER_BYTES)
        context.server.connections.add(self)
        side = AsgiSide(self)
        scope = websocket_scope(context, self._transport, server, client, handshake, self)
        context.run_app(scope, side.receive, side.send, self._on_app_done)

    def _become(self, state: State) -> None:
        self._state = state
        if state is State.OPEN:
            given = self._context.limits
            self._keepalive = Keepalive(
                self._context.timer,
                given.ping_seconds,
                given.pong_seconds,
                self.write,
                self._on_silence,
            )
            return
        if self._keepalive is not None:
            self._keepalive.stop()
        self._pacer.stop()
        self._stream.close()
        self._writable.open()
        # Break the reference cycles here instead of leaving them to the GC.
        self._keepalive = self._on_message = self._on_close = None
        self._due_pong = None

    # What the app does: app.transport.base says what each promises

    @property
    def is_gone(self) -> bool:
        """Whether nothing can be written any more."""
        return self._state is State.ENDED or self._transport.is_closing()

    def accept(
        self, subprotocol: str | None, headers: Iterable[tuple[bytes, bytes]] = ()
    ) -> bytes:
        """Accept the handshake: the answer, which is to be written at once, before all else."""
        handshake = self._handshake
        if self._state is not State.CONNECTING or self._transport.is_closing():
            raise ConnectionResetError
        assert handshake is not None
        self._handshake = None
        self._become(State.OPEN)
        self._start_reading()
        sent = [*self._context.server.default_headers, *handshake.response_headers, *headers]
        if subprotocol:
            sent.append((b"Sec-WebSocket-Protocol", subprotocol.encode("latin-1")))
        return switching(handshake.accept, sent)

    def refuse(self, status: bytes) -> None:
        """Refuse the handshake; ``status`` is a code and its phrase."""
        if self._state is State.CONNECTING:
            self._end_with(refusal(status), self._context.limits.close_seconds)

    def set_receiver(self, on_message: OnMessage, on_close: OnClose) -> None:
        """Deliver messages, and the end."""
        if self._state is State.ENDED:
            on_close()
            return
        self._on_message, self._on_close = on_message, on_close
        self._start_reading()

    def pause(self) -> None:
        """Read no more for now."""
        self._pacer.pause()

    def resume(self) -> None:
        """Read on."""
        self._pacer.resume()

    async def drained(self) -> None:
        """Wait until at most WRITE_HIGH_WATER_BYTES are unsent, or the peer is gone."""
        await self._writable.wait()

    async def probe(self, within: float) -> bool:
        """Whether the peer answers a ping in time."""
        if self._keepalive is None:
            return self._state is State.CONNECTING
        return await self._keepalive.probe(within)

    async def close(self, code: int, reason: str, within: float) -> None:
        """Close, after all that was written; or refuse the handshake."""
        if self._state is State.OPEN:
            self._end_with(control.close_frame(code, reason), within)
        else:
            self.refuse(b"503 Service Unavailable")

    def abort(self) -> None:
        """Drop the peer and whatever is unsent."""
        if self._state is not State.ENDED:
            self._become(State.ENDED)
        reset(self._transport)

    # What the event loop calls

    def data_received(self, data: bytes) -> None:
        """Read it now or in a later turn."""
        self._pacer.receive(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer is gone."""
        self._context.server.connections.discard(self)
        on_close = self._on_close
        if self._state is not State.ENDED:
            self._become(State.ENDED)
        if on_close is not None:
            on_close()

    def pause_writing(self) -> None:
        """More is unsent than the peer takes."""
        self._writable.shut()

    def resume_writing(self) -> None:
        """The peer has taken what there was."""
        self._writable.open()
        pong, self._due_pong = self._due_pong, None
        if pong is not None:
            self.write(pong)

    def shutdown(self) -> None:
        """The server stops."""
        if self._state is State.CONNECTING:
            self.refuse(b"500 Internal Server Error")
        else:
            self._fail(control.RESTARTING)

    # Reading

    def _start_reading(self) -> None:
        if self._state is State.OPEN and self._on_message is not None:
            self._pacer.start(self._read)

    def _read(self, data: bytes) -> bool:
        """Read up to the share of one turn of the loop; whether there is more."""
        on_message = self._on_message
        assert on_message is not None
        for found in self._stream.read(data):
            if type(found) is str:
                on_message(found)
            elif isinstance(found, Control):
                self._read_control(found)
            elif isinstance(found, Close):
                self._fail(found)
            else:
                on_message(found)
            if self._state is not State.OPEN:
                return False
        return self._stream.has_more

    def _read_control(self, frame: Control) -> None:
        if frame.opcode is Opcode.CLOSE:
            self._answer_close(control.close_echo(frame.payload))
        elif self._keepalive is not None and self._keepalive.take_pong(frame):
            return
        elif self._stream.is_too_fast():
            self._fail(RATE_LIMITED)
        elif frame.opcode is Opcode.PING:
            pong = control.pong(frame.payload)
            if self._writable.is_open:
                self.write(pong)
            else:
                # Of several pings the last may be answered alone (RFC 6455, section 5.5.3).
                self._due_pong = pong

    # Ending

    def _answer_close(self, answer: bytes) -> None:
        on_close = self._on_close
        self._end_with(answer, self._context.limits.close_seconds)
        if on_close is not None:
            on_close()

    def _fail(self, why: Close) -> None:
        if self._state is State.OPEN:
            self._answer_close(control.close_frame(*why))

    def _on_silence(self) -> None:
        """No pong has come in time."""
        assert self._keepalive is not None
        if self._pacer.is_waiting:
            self._keepalive.wait_again()
        else:
            self._fail(IDLE)

    def _end_with(self, last: bytes, within: float) -> None:
        """Write ``last``, and hand the socket over to :mod:`~.linger`."""
        self._become(State.ENDED)
        connections = self._context.server.connections
        if not self._transport.is_closing():
            self.write(last)
            linger(self._transport, connections, within)
            connections.discard(self)

    # The app's task

    def _on_app_done(self, failure: BaseException | None) -> None:
        if failure is not None and self._state is not State.ENDED:
            log.error("connection.failed", exc_info=failure)
        if self._state is State.CONNECTING:
            self.refuse(b"500 Internal Server Error")
        else:
            self._fail(control.NORMAL if failure is None else control.APP_FAILED)
