"""A WebSocket where the server offers nothing but ASGI: another one, or a test client."""

import asyncio
from asyncio import Task
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ..wire.websocket_frame import payloads_of
from .base import OnClose, OnMessage

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class AsgiTransport:
    """
    A :class:`~app.transport.base.WebSocketTransport` over ``receive`` and ``send``.

    Frames are taken apart again, since a server makes its own. The task that owns the
    connection runs :meth:`run` beside it, until after :meth:`close`.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        # Messages for ``send``, each with its bytes in ``unsent``.
        self._queue: deque[tuple[Message, int]] = deque()
        self._bytes = 0
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._reading = asyncio.Event()
        self._reading.set()
        self._reader: Task[None] | None = None
        # None before there is a receiver, and once nothing more is delivered.
        self._on_message: OnMessage | None = None
        self._on_close: OnClose | None = None
        self._ended = False
        # Whether the peer was lost before there was a receiver to hear of it.
        self._lost = False

    async def run(self) -> None:
        """Write until the connection is gone. Reads, too, once there is a receiver."""
        try:
            while not self._ended:
                await self._work.wait()
                self._work.clear()
                await self._write_queued()
                self._idle.set()
        finally:
            if self._reader is not None:
                self._reader.cancel()

    def accept(self, subprotocol: str | None) -> bytes:
        """Accept the handshake; the server makes the answer."""
        self._put({"type": "websocket.accept", "subprotocol": subprotocol})
        return b""

    def write(self, frames: bytes) -> None:
        """Take finished frames."""
        for payload in payloads_of(frames):
            self._put({"type": "websocket.send", "text": payload.decode()}, len(payload))

    def unsent(self) -> int:
        """Bytes written to this transport that the server has not taken."""
        return self._bytes

    async def drained(self) -> None:
        """Wait until nothing is unsent, or the peer is gone."""
        await self._idle.wait()

    def abort(self) -> None:
        """Stop. ASGI can't abort: the server closes when the app returns."""
        self._on_message = self._on_close = None
        self._ended = True
        self._queue.clear()
        self._bytes = 0
        self._work.set()
        self._idle.set()

    def set_receiver(self, on_message: OnMessage, on_close: OnClose) -> None:
        """Deliver what comes."""
        if self._lost:
            on_close()
        elif not self._ended:
            self._on_message, self._on_close = on_message, on_close
            self._reader = asyncio.create_task(self._read())

    def pause(self) -> None:
        """Receive no more for now."""
        self._reading.clear()

    def resume(self) -> None:
        """Receive on."""
        self._reading.set()

    async def probe(self, within: float) -> bool:
        """True: ASGI has no ping."""
        return True

    async def close(self, code: int, reason: str, within: float) -> None:
        """Close, after all that was written."""
        self._on_message = self._on_close = None
        try:
            async with asyncio.timeout(within):
                await self.drained()
                if not self._ended:
                    await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except (TimeoutError, OSError, RuntimeError):
            pass
        self.abort()

    def _put(self, message: Message, size: int = 0) -> None:
        if self._ended:
            raise ConnectionResetError
        self._queue.append((message, size))
        self._bytes += size
        self._work.set()
        self._idle.clear()

    async def _write_queued(self) -> None:
        while self._queue:
            message, size = self._queue.popleft()
            try:
                await self._send(message)
            except (OSError, RuntimeError):
                self._lose()
                return
            self._bytes -= size

    def _lose(self) -> None:
        """The peer is gone: a write has failed, or the server says so."""
        on_close = self._on_close
        self._lost = True
        self.abort()
        if on_close is not None:
            on_close()

    async def _read(self) -> None:
        while self._on_message is not None:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                self._lose()
                return
            await self._reading.wait()
            # The connection may have been closed meanwhile.
            if self._on_message is not None:
                text = message.get("text")
                self._on_message(message.get("bytes") or b"" if text is None else text)
