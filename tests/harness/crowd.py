"""
One of a crowd of clients: as little work as possible, so that a process can be a thousand of them.

It checks that the events of its room come without a gap, and calls back with each.
"""

import asyncio
import socket
from collections.abc import Callable
from struct import pack
from typing import Any

import orjson

_UPGRADE = (
    "GET /ws/{room}?{query} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n"
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer {token}\r\n\r\n"
)
_TEXT, _CLOSE, _PING = 0x81, 0x88, 0x89


class Member(asyncio.Protocol):
    """
    A connection to one room, which can be dropped and resumed.

    Args:
        on_event: Called with each event.

    """

    def __init__(
        self, token: str, room: str, on_event: Callable[[dict[str, Any]], None] = lambda _: None
    ) -> None:
        self._token = token
        self.room = room
        self._on_event = on_event
        self.cursor: int | None = None
        """The last seq that was received; None: the newest of the room, whatever it is."""
        self.caught_up = asyncio.Event()
        self.closed = asyncio.Event()
        self.close_code: int | None = None
        self.failure: str | None = None
        """What was wrong with what was received."""
        self.transport: Any = None
        self._unread = b""
        self._is_open = False

    async def connect(self, address: str, *, receive_buffer: int | None = None) -> None:
        """Connect and catch up, from the cursor if there is one."""
        if self.transport is not None:
            await self.closed.wait()
        self.caught_up, self.closed = asyncio.Event(), asyncio.Event()
        self.close_code, self._unread, self._is_open = None, b"", False
        host, _, port = address.partition(":")
        ours = socket.socket()
        ours.setblocking(False)
        if receive_buffer is not None:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(ours, (host, int(port)))
        await loop.create_connection(lambda: self, sock=ours)
        query = "" if self.cursor is None else f"since={self.cursor}"
        request = _UPGRADE.format(room=self.room, query=query, address=address, token=self._token)
        self.transport.write(request.encode())
        waits = [asyncio.create_task(event.wait()) for event in (self.caught_up, self.closed)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        if not self.caught_up.is_set() and self.failure is None:
            self.failure = f"closed with {self.close_code} before it had caught up"

    def drop(self) -> None:
        """Be gone."""
        self.transport.abort()

    def stop_reading(self) -> None:
        """Take nothing more from the network."""
        self.transport.pause_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()

    def data_received(self, data: bytes) -> None:
        data = self._unread + data
        start = 0
        if not self._is_open:
            start = data.find(b"\r\n\r\n") + 4
            if start == 3:
                self._unread = data
                return
            if not data.startswith(b"HTTP/1.1 101 "):
                self._fail(f"refused: {data[:100]!r}")
                return
            self._is_open = True
        while (found := _frame(data, start)) is not None:
            opcode, payload, start = found
            self._receive(opcode, payload)
        self._unread = data[start:]

    # Frames

    def _receive(self, opcode: int, payload: bytes) -> None:
        if opcode == _CLOSE:
            self.close_code = int.from_bytes(payload[:2])
        elif opcode == _PING:
            self.transport.write(_pong(payload))
        elif opcode != _TEXT:
            self._fail(f"a frame that starts with {opcode:#x}")
        elif b'"seq":' in payload or b'"error"' in payload:
            self._hear(orjson.loads(payload))

    def _hear(self, frame: dict[str, Any]) -> None:
        kind = frame["type"]
        if kind == "error":
            self._fail(str(frame))
        elif kind == "caught_up":
            if self.cursor is not None and self.cursor != frame["seq"]:
                self._fail(f"caught up at {frame['seq']}, received {self.cursor}")
            self.cursor = frame["seq"]
            self.caught_up.set()
        elif "at" in frame and "by" in frame:
            if self.cursor is not None:
                if frame["seq"] != self.cursor + 1:
                    self._fail(f"{frame['seq']} after {self.cursor}")
                self.cursor = frame["seq"]
            self._on_event(frame)

    def _fail(self, failure: str) -> None:
        self.failure = self.failure or failure
        self.transport.abort()


def _pong(payload: bytes) -> bytes:
    return pack("!BBxxxx", 0x8A, 0x80 | len(payload)) + payload


def _frame(data: bytes, start: int) -> tuple[int, bytes, int] | None:
    """The opcode and the payload of the next frame, and where it ends; None if it is not whole."""
    if len(data) < start + 2:
        return None
    length, at = data[start + 1], start + 2
    if length >= 126:
        size = 2 if length == 126 else 8
        length, at = int.from_bytes(data[at : at + size]), at + size
    if len(data) < at + length:
        return None
    return data[start], data[at : at + length], at + length
