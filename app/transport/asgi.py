"""A WebSocket where the server offers nothing but ASGI: another one, or a test client."""

import asyncio
from asyncio import Task
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ..wire.frames import payloads_of
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
        self._ended = False

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
        """Stop writing. ASGI can't abort: the server closes when the app returns."""
        self._ended = True
        self._queue.clear()
        self._bytes = 0
        self._work.set()
        self._idle.set()
        self.pause()

    def set_receiver(self, on_message: OnMessage, on_close: OnClose) -> None:
        """Deliver what comes."""
        self._reader = asyncio.create_task(self._read(on_message, on_close))

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
        self.pause()
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
                # The peer has gone, which the reader will notice.
                self.abort()
                return
            self._bytes -= size

    async def _read(self, on_message: OnMessage, on_close: OnClose) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                on_close()
                return
            await self._reading.wait()
            text = message.get("text")
            on_message(message.get("bytes") or b"" if text is None else text)
