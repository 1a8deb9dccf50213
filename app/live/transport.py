"""
The WebSocket protocol of ``parley serve``: uvicorn's own, and a way past it for finished bytes.

ASGI has a server frame every message for every socket. A frame that goes to a hundred sockets
is made once here and written as it is: the scope's extension :data:`EXTENSION` carries the
transport's ``write``, the size of its buffer, and ``abort``. Also here is what uvicorn leaves
open: handshakes that never end, and peers that never drain.
"""

import asyncio
import socket
import struct
from asyncio import TimerHandle, Transport
from asyncio.transports import BaseTransport
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from uvicorn._types import ASGISendEvent, HTTPScope
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import Protocol, Side, State

from app.domain.closing import IDLE
from app.domain.limits import CLOSE_SECONDS, SOCKET_SEND_BUFFER_BYTES
from app.live.closing import close_answer
from app.live.extension import EXTENSION, FastTransport, Hear
from app.live.opening import refusal, subprotocols, switching
from app.live.splitter import Rest, Splitter

# On, and for no time (socket(7)).
_LINGER_NOT = struct.pack("ii", 1, 0)


class _Sink:
    """The ASGI queue of a socket that is listened to directly."""

    def put_nowait(self, message: object) -> None:
        """Nobody waits for it."""

    def empty(self) -> bool:
        """Always."""
        return True


_NOTHING_TO_RECEIVE = _Sink()


class ParleyWebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's sans-I/O protocol with a fast lane, deadlines, and our close codes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: TimerHandle | None = None
        self._splitter: Splitter | None = None
        self._hear: Hear | None = None
        self._gone: Callable[[], None] | None = None
        # Of a handshake that was read the short way.
        self._accept: bytes | None = None

    def open(self, transport: Transport, request: HTTPScope, target: bytes, accept: bytes) -> None:
        """Take over from HTTP: ``request`` is a handshake, to be answered with ``accept``."""
        path, _, query = target.partition(b"?")
        self.connections.add(self)
        self.transport = transport
        self._bound_buffer()
        self._accept = accept
        self.conn = Protocol(  # type: ignore[assignment]
            Side.SERVER, state=State.OPEN, max_size=self.config.ws_max_size, logger=self.logger
        )
        self.handshake_initiated = True
        self._splitter = Splitter(self.config.ws_max_size)
        self.scope = {
            "type": "websocket",
            "asgi": {"version": self.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if request["scheme"] == "https" else "ws",
            "server": request["server"],
            "client": request["client"],
            "root_path": self.root_path,
            "path": self.root_path + unquote(path.decode("ascii")),
            "raw_path": self.root_path.encode("ascii") + path,
            "query_string": query,
            "headers": request["headers"],
            "subprotocols": subprotocols(list(request["headers"])),
            "state": self.app_state.copy(),
            "extensions": {EXTENSION: self._fast_transport()},  # type: ignore[dict-item]
        }
        self.queue.put_nowait({"type": "websocket.connect"})
        task = self.loop.create_task(self.run_asgi())
        task.add_done_callback(self.on_task_complete)
        self.tasks.add(task)

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
        # It holds what it parses for. What is let go of here need not be found by the collector.
        self.conn.parser.close()
        if self._gone is not None:
            self._gone()
            self._hear = self._gone = None

    def data_received(self, data: bytes) -> None:
        """Texts the short way, everything else as uvicorn has it."""
        if self._splitter is None:
            self._receive_slowly(data)
            return
        for found in self._splitter.split(data):
            if isinstance(found, Rest):
                if self._said_goodbye(found):
                    return
                if found.final:
                    self._splitter = None
                self._receive_slowly(found.data)
            else:
                self._heard(found)

    def _said_goodbye(self, found: Rest) -> bool:
        """Answer a close frame, if that is what it is and nothing else is under way."""
        if self._hear is None or self.close_sent or self.transport.is_closing():
            return False
        answer = close_answer(found.data)
        if answer is None:
            return False
        self.conn.state = State.CLOSING
        self.transport.write(answer)
        self.transport.close()
        return True

    def _receive_slowly(self, data: bytes) -> None:
        was_open = self.handshake_initiated
        super().data_received(data)
        if was_open:
            return
        if not self.handshake_initiated:
            # An answer to a handshake that could not be parsed would else never be sent.
            if output := self.conn.data_to_send():
                self.transport.write(b"".join(output))
                self._close_soon()
        elif not self.conn.reader.buffer:
            # Frames begin with the next read: they can be cut here.
            self._splitter = Splitter(self.config.ws_max_size)

    def _heard(self, text: str | None) -> None:
        if self.close_sent:
            return
        if self._hear is not None:
            self._hear(text)
            return
        # Nobody listens yet: as uvicorn, one message at a time.
        if text is None:
            self.queue.put_nowait({"type": "websocket.receive", "bytes": b""})
        else:
            self.queue.put_nowait({"type": "websocket.receive", "text": text})
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def handle_connect(self, event: Request) -> None:
        """Offer the fast lane to the app, which starts in the next turn of the loop."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = self._fast_transport()

    def _fast_transport(self) -> FastTransport:
        return FastTransport(
            self.transport.write,
            self.transport.get_write_buffer_size,
            self._abort,
            self.writable.wait,
            self._listen,
            self.transport.pause_reading,
            self.transport.resume_reading,
        )

    async def send(self, message: ASGISendEvent) -> None:
        """Answer the handshake here if it was read here; all else as uvicorn."""
        if self._accept is None or self.handshake_complete:
            await super().send(message)
            return
        if self.disconnected or self.transport.is_closing():
            raise ClientDisconnected
        self.handshake_complete = True
        if message["type"] != "websocket.accept":
            self.close_sent = True
            self.transport.write(refusal(b"403 Forbidden"))
            self.transport.close()
            return
        headers = [*self.default_headers, *message.get("headers", ())]
        if chosen := message.get("subprotocol"):
            headers.append((b"Sec-WebSocket-Protocol", chosen.encode("latin-1")))
        self.transport.write(switching(self._accept, headers))
        self.start_keepalive()

    def send_500_response(self) -> None:
        """The app failed before it answered, or the server stops."""
        if self._accept is None:
            super().send_500_response()
        elif not self.handshake_complete and not self.transport.is_closing():
            self.transport.write(refusal(b"500 Internal Server Error"))

    def send_receive_event_to_app(self) -> None:
        """A message that came the long way: in fragments, compressed, or binary."""
        data = b"".join(self.frames)
        self.frames = []
        if self.curr_msg_data_type != "text":
            self._heard(None)
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.conn.send_close(1007, "invalid UTF-8")
            self.handle_parser_exception()
            return
        self._heard(text)

    def _listen(self, hear: Hear, gone: Callable[[], None]) -> None:
        if self.disconnected:
            gone()
            return
        self._hear, self._gone = hear, gone
        while not self.queue.empty():
            # What came before anybody listened.
            message = self.queue.get_nowait()
            if message["type"] == "websocket.receive":
                hear(message.get("text"))
            elif message["type"] == "websocket.disconnect":
                gone()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        # From here on nobody reads these; a thousand idle sockets need not hold them.
        self.queue = _NOTHING_TO_RECEIVE  # type: ignore[assignment]
        self.request = self.response = None  # type: ignore[assignment]

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
