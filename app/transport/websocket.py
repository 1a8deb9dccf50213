"""
The WebSocket protocol of ``parley serve``: uvicorn's own, and a way past it for finished bytes.

ASGI has a server frame every message for every socket. A frame that goes to a hundred sockets
is made once here and written as it is: the scope's extension :data:`EXTENSION` carries the
transport's ``write``, the size of its buffer, and ``abort``. Also here is what uvicorn leaves
open: handshakes that never end, and peers that never drain.
"""

import asyncio
from asyncio import Transport
from collections.abc import Callable, Iterable
from typing import Any, Self
from urllib.parse import unquote

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected, is_ssl
from websockets.http11 import Request

from .base import EXTENSION, OnMessage, WebSocketTransport
from .control_frames import close_answer, pong_payload
from .frame_reader import FrameReader, Unhandled
from .keepalive import KeepaliveWebSocketProtocol
from .ws_handshake import PlainHandshake, refusal, subprotocols, switching

Address = tuple[str, int] | None


class _Sink:
    """The ASGI queue of a socket that is listened to directly."""

    def put_nowait(self, message: object) -> None:
        """Nobody waits for it."""

    def empty(self) -> bool:
        """Always."""
        return True


_NOTHING_TO_RECEIVE = _Sink()


class WebSocketProtocol(KeepaliveWebSocketProtocol):
    """A bounded protocol with a fast lane, short ways for what is plain, and our close codes."""

    _frame_reader: FrameReader | None = None
    _on_message: OnMessage | None = None
    _on_close: Callable[[], None] | None = None
    # Of a handshake that was read the short way; and what came before it was answered.
    _accept: bytes | None = None
    _early = b""

    def fresh(self) -> Self:
        """One like this, which has not been connected, and at a fifth of the price of another."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.queue, twin.writable, twin.frames = asyncio.Queue(), asyncio.Event(), []
        twin.writable.set()
        # For a handshake that it need not judge.
        twin._conn = None
        return twin

    def open(
        self, transport: Transport, handshake: PlainHandshake, server: Address, client: Address
    ) -> None:
        """Begin with a handshake that has been read, and is to be answered."""
        path, _, query = handshake.target.partition(b"?")
        self.connections.add(self)
        self.transport = transport
        self._bound_buffer()
        self._accept = handshake.accept
        self.handshake_initiated = True
        self._frame_reader = FrameReader(self.config.ws_max_size)
        self.scope = {
            "type": "websocket",
            "asgi": {"version": self.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if is_ssl(transport) else "ws",
            "server": server,
            "client": client,
            "root_path": self.root_path,
            "path": self.root_path + unquote(path.decode("ascii")),
            "raw_path": self.root_path.encode("ascii") + path,
            "query_string": query,
            "headers": handshake.headers,
            "subprotocols": subprotocols(handshake.headers),
            "state": self.app_state.copy(),
            "extensions": {EXTENSION: self._fast_transport()},  # type: ignore[dict-item]
        }
        self.queue.put_nowait({"type": "websocket.connect"})
        task = self.loop.create_task(self.run_asgi())
        task.add_done_callback(self.on_task_complete)
        self.tasks.add(task)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever listens hears that the peer is gone."""
        super().connection_lost(exc)
        if self._on_close is not None:
            self._on_close()
            self._on_message = self._on_close = None

    def data_received(self, data: bytes) -> None:
        """Texts the short way, everything else as uvicorn has it."""
        if self._accept is not None and not self.handshake_complete:
            # Nothing may go out before the answer to the handshake: it is read behind it.
            self._early += data
            self.transport.pause_reading()
            return
        if self._frame_reader is None:
            self._receive_with_uvicorn(data)
            return
        for found in self._frame_reader.split(data):
            if isinstance(found, Unhandled):
                if self._take_pong(found):
                    continue
                if self._answer_close(found):
                    return
                if found.final:
                    self._frame_reader = None
                self._receive_with_uvicorn(found.data)
            else:
                self._deliver(found)

    def _read_early(self) -> None:
        early, self._early = self._early, b""
        if not self.transport.is_closing():
            # In this order: what is read next comes with another call.
            self.transport.resume_reading()
            self.data_received(early)

    def _take_pong(self, found: Unhandled) -> bool:
        """Whether this is the answer to our last ping: then the next can be planned."""
        if self.pong_timer is None or pong_payload(found.data) != self.pending_ping_payload:
            return False
        self.pong_timer.cancel()
        self.pong_timer = self.pending_ping_payload = None
        self.last_ping_rtt = self.loop.time() - self.ping_sent_at
        self.schedule_ping()
        return True

    def _answer_close(self, found: Unhandled) -> bool:
        """Answer a close frame, if that is what it is and nothing else is under way."""
        if self._on_message is None or self.close_sent or self.transport.is_closing():
            return False
        answer = close_answer(found.data)
        if answer is None:
            return False
        # All has been said: nothing may follow it.
        self.close_sent = True
        self.transport.write(answer)
        self.transport.close()
        return True

    def _receive_with_uvicorn(self, data: bytes) -> None:
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
            self._frame_reader = FrameReader(self.config.ws_max_size)

    def _deliver(self, text: str | None) -> None:
        if self.close_sent:
            return
        if self._on_message is not None:
            self._on_message(text)
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

    def _fast_transport(self) -> WebSocketTransport:
        return WebSocketTransport(
            self.transport.write,
            self.transport.get_write_buffer_size,
            self._abort,
            self.writable.wait,
            self._set_receiver,
            self.transport.pause_reading,
            self.transport.resume_reading,
            None if self._accept is None else self._accepted,
        )

    async def send(self, message: ASGISendEvent) -> None:
        """Answer the handshake here if it was read here; all else as uvicorn."""
        if message["type"] == "websocket.close" and self.transport.is_closing():
            # The peer was quicker: its goodbye has been answered.
            return
        if self._accept is None or self.handshake_complete:
            await super().send(message)
            return
        if self.disconnected or self.transport.is_closing():
            raise ClientDisconnected
        if message["type"] != "websocket.accept":
            self.handshake_complete = self.close_sent = True
            self.transport.write(refusal(b"403 Forbidden"))
            self.transport.close()
            return
        self.transport.write(
            self._accepted(message.get("subprotocol"), message.get("headers", ()))
        )

    def _accepted(
        self, subprotocol: str | None, added: Iterable[tuple[bytes, bytes]] = ()
    ) -> bytes:
        """Accept the handshake: the answer, which the caller writes at once, before all else."""
        if self._accept is None or self.disconnected or self.transport.is_closing():
            raise ClientDisconnected
        self.handshake_complete = True
        self.start_keepalive()
        if self._early:
            self.loop.call_soon(self._read_early)
        headers = [*self.default_headers, *added]
        if subprotocol:
            headers.append((b"Sec-WebSocket-Protocol", subprotocol.encode("latin-1")))
        return switching(self._accept, headers)

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
            self._deliver(None)
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.conn.send_close(1007, "invalid UTF-8")
            self.handle_parser_exception()
            return
        self._deliver(text)

    def _set_receiver(self, on_message: OnMessage, on_close: Callable[[], None]) -> None:
        if self.disconnected:
            on_close()
            return
        self._on_message, self._on_close = on_message, on_close
        while not self.queue.empty():
            # What came before anybody listened.
            message = self.queue.get_nowait()
            if message["type"] == "websocket.receive":
                on_message(message.get("text"))
            elif message["type"] == "websocket.disconnect":
                on_close()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        # From here on nobody reads these; a thousand idle sockets need not hold them.
        self.queue = _NOTHING_TO_RECEIVE  # type: ignore[assignment]
        self.request = self.response = None  # type: ignore[assignment]
