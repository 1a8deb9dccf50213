"""A connection without a network: a transport that keeps what it is given."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from websockets.frames import Frame, Opcode

from app.transport.base import EXTENSION
from app.transport.context import ServerContext, TransportLimits
from app.transport.handshake import Handshake, switching
from app.transport.websocket import WebSocketProtocol

ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


class MemoryTransport(asyncio.Transport):
    """What the kernel would be to a protocol."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reading = True
        self.closing = False
        self.half_closed = False
        self.aborted = False
        self.protocol: Any = None

    def write(self, data: Any) -> None:
        assert not self.half_closed, "a write behind the end"
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closing

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.half_closed = True

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True


class Echo:
    """An app over the transport: it keeps what it gets, and answers with ``answer``'s."""

    def __init__(self, *, paused: bool = False) -> None:
        self._paused = paused
        self.got: list[str | bytes] = []
        self.closed = 0
        self.socket: Any = None
        self.on_message: Callable[[str | bytes], None] = self.got.append
        self.done = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, _send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        self.socket = scope["extensions"][EXTENSION]
        if self._paused:
            self.socket.pause()
        self.socket.set_receiver(lambda message: self.on_message(message), self._on_close)
        self.socket.write(self.socket.accept(None))
        await self.done.wait()

    def _on_close(self) -> None:
        self.closed += 1
        self.done.set()


class MemorySocket:
    """A WebSocket of ours, open, with an app behind it and nothing before it."""

    def __init__(
        self, limits: TransportLimits | None = None, early: bytes = b"", app: Any = None
    ) -> None:
        self.app = Echo() if app is None else app
        self.transport = MemoryTransport()
        self.server = SimpleNamespace(connections=set(), tasks=set(), default_headers=[])
        context = ServerContext(
            app=self.app, server=self.server, limits=limits or TransportLimits()
        )
        handshake = Handshake(b"/ws", [], ACCEPT)
        self.protocol = WebSocketProtocol(context, self.transport, handshake)
        self.transport.protocol = self.protocol
        self.protocol.open(None, None, early)

    def receive(self, data: bytes) -> None:
        """Bytes from the peer."""
        self.transport.protocol.data_received(data)

    async def lose(self) -> None:
        """The connection is gone; wait for the app to notice."""
        self.transport.protocol.connection_lost(None)
        if isinstance(self.app, Echo):
            self.app.done.set()
        await asyncio.gather(*self.server.tasks)

    @property
    def answered(self) -> bytes:
        """What was written behind the answer to the handshake."""
        return self.transport.written.removeprefix(switching(ACCEPT, []))

    @property
    def close_code(self) -> int | None:
        """Of the last frame, if it is a close frame."""
        last = frames_of(self.answered)[-1:]
        if not last or last[0][0] is not Opcode.CLOSE:
            return None
        return int.from_bytes(last[0][1][:2]) if last[0][1] else 1005


def masked(opcode: Opcode, data: bytes, **how: Any) -> bytes:
    """A frame as a client sends it."""
    return Frame(opcode, data, **how).serialize(mask=True)


def frames_of(data: bytes) -> list[tuple[Opcode, bytes]]:
    """What a server has sent, frame by frame."""
    found, start = [], 0
    while start < len(data):
        length, head = data[start + 1], 2
        if length == 126:
            length, head = int.from_bytes(data[start + 2 : start + 4]), 4
        elif length == 127:
            length, head = int.from_bytes(data[start + 2 : start + 10]), 10
        payload = data[start + head : start + head + length]
        found.append((Opcode(data[start] & 0x0F), payload))
        start += head + length
    return found
