"""
uvicorn's WebSocket protocol, with an end to waiting, and made only as far as it is needed.

uvicorn keeps a peer that never drains for ever. And it has an object of websockets for each
connection, which is there to judge what is not plain: most connections never need it.
"""

import asyncio
import random
import socket
import struct
from asyncio import TimerHandle
from asyncio.transports import BaseTransport
from contextlib import suppress

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import Protocol, Side, State

from ..domain.close_codes import IDLE
from ..domain.limits import CLOSE_SECONDS, SOCKET_SEND_BUFFER_BYTES
from .control_frames import ping

# On, and for no time (socket(7)).
_LINGER_NOT = struct.pack("ii", 1, 0)


class KeepaliveWebSocketProtocol(WebSocketsSansIOProtocol):
    """What the kernel buffers is bounded, and so is how long a peer may take to go."""

    # Of websockets; None until something comes up that it has to judge or to say.
    _conn: Protocol | None = None
    _deadline: TimerHandle | None = None

    @property  # type: ignore[override]
    def conn(self) -> Protocol:
        """
        The judge of what is not plain.

        Made when it is first asked for, between two frames of an open connection; where the
        handshake was not plain, uvicorn made it.
        """
        if self._conn is None:
            self._conn = Protocol(
                Side.SERVER,
                state=State.OPEN,
                max_size=self.config.ws_max_size,
                logger=self.logger,
            )
        return self._conn

    @conn.setter
    def conn(self, made: Protocol) -> None:
        self._conn = made

    def connection_made(self, transport: BaseTransport) -> None:
        """Bound what the kernel buffers."""
        super().connection_made(transport)
        self._bound_buffer()

    def _bound_buffer(self) -> None:
        sock = self.transport.get_extra_info("socket")
        if sock is not None and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_SEND_BUFFER_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to wait for."""
        self._stop_deadline()
        super().connection_lost(exc)
        if self._conn is not None:
            # It holds what it parses for. What is let go of here need not be found by the
            # collector.
            self._conn.parser.close()

    def send_keepalive_ping(self) -> None:
        """Like uvicorn's, in a frame of our own."""
        self.ping_timer = None
        if self.close_sent or self.transport.is_closing():
            return
        self.pending_ping_payload = struct.pack("!I", random.getrandbits(32))
        self.ping_sent_at = self.loop.time()
        self.transport.write(ping(self.pending_ping_payload))
        assert self.ping_timeout is not None
        self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)

    def keepalive_timeout(self) -> None:
        """Like uvicorn's, with a code that says what happened."""
        self.pong_timer = None
        self.pending_ping_payload = None
        if self.close_sent or self.transport.is_closing():
            return
        self.conn.fail(*IDLE)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self._close_soon()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """The app is done with it: what is still unsent has a moment to get out."""
        super().on_task_complete(task)
        # In it is the fast lane, which leads back to here.
        self.scope = None  # type: ignore[assignment]
        self._close_soon()

    def shutdown(self) -> None:
        """The server stops: nobody may hold it up."""
        super().shutdown()
        self._close_soon()

    def _close_soon(self) -> None:
        # transport.close() waits until the peer has taken all; some never do.
        if self._deadline is None and not self.disconnected:
            self._deadline = self.loop.call_later(CLOSE_SECONDS, self._abort)

    def _abort(self) -> None:
        """Let go of the peer and of what the kernel still holds for it: RST, not FIN."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            # Closed already: then there is nothing that lingers.
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self.transport.abort()

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
