"""
Ends of a socket: one inside this process, which calls the app as a server would, and one that
is a real client's.

Both have ``send``, ``receive`` and ``hang_up``;
:class:`tests.harness.socket_client.SocketClient` uses either.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from app.transport.base import EXTENSION, WebSocketTransport
from app.wire.frames import payloads_of


class Closed(Exception):
    """The socket has ended; ``code`` None: without a word."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class AsgiSocket:
    """
    A socket to an ASGI app in the same loop.

    Args:
        fast: Offer the app finished-bytes writes, as our own transport does.

    """

    def __init__(
        self,
        app: Any,
        *,
        path: str,
        query: str,
        headers: Iterable[tuple[str, str]],
        fast: bool,
    ) -> None:
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[str | Closed] = asyncio.Queue()
        self._taking = asyncio.Event()
        self._taking.set()
        # Bytes written to the fast lane that have not been taken.
        self._unsent: list[bytes] = []
        self._reading = asyncio.Event()
        self._reading.set()
        self._listening: asyncio.Task[None] | None = None
        self.aborted = False
        """Whether the app has let go of the peer."""
        self.writes: list[bytes] = []
        """What was written to the fast lane, write by write."""
        self.subprotocol: str | None = None
        self.accepted = asyncio.Event()
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "subprotocols": [],
            "state": {},
            "extensions": {EXTENSION: self._transport()} if fast else {},
        }
        self._to_app.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(self._run(app, scope))

    # What a client does

    async def send(self, said: str | bytes) -> None:
        """Send a frame: text or binary."""
        kind = "text" if isinstance(said, str) else "bytes"
        self._to_app.put_nowait({"type": "websocket.receive", kind: said})

    async def receive(self) -> str:
        """
        The next frame.

        Raises:
            Closed: If there is none, because the socket has ended.

        """
        found = await self._from_app.get()
        if isinstance(found, Closed):
            self._from_app.put_nowait(found)
            raise found
        return found

    async def hang_up(self) -> None:
        """Be gone, without a close frame."""
        self.take()
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await asyncio.wait([self.task])

    def stop_taking(self) -> None:
        """Read nothing more from the network."""
        self._taking.clear()

    def take(self) -> None:
        """Read what there is."""
        self._taking.set()
        unsent, self._unsent = self._unsent, []
        for frames in unsent:
            self._on_message(frames)

    # What the app sees

    async def _run(self, app: Any, scope: dict[str, Any]) -> None:
        try:
            await app(scope, self._to_app.get, self._send)
        finally:
            self._from_app.put_nowait(Closed(None, ""))
            if self._listening is not None:
                self._listening.cancel()

    async def _send(self, message: dict[str, Any]) -> None:
        await self._taking.wait()
        match message["type"]:
            case "websocket.accept":
                self.subprotocol = message.get("subprotocol")
                self.accepted.set()
            case "websocket.send":
                self._from_app.put_nowait(message["text"])
            case "websocket.close":
                self._from_app.put_nowait(Closed(message["code"], message["reason"]))

    def _transport(self) -> WebSocketTransport:
        return WebSocketTransport(
            write=self._write,
            unsent=lambda: sum(map(len, self._unsent)),
            abort=self._abort,
            drained=self._drained,
            **{
                name: way
                for name, way in (
                    ("set_receiver", self._listen),
                    ("pause", self._reading.clear),
                    ("resume", self._reading.set),
                )
                if name in WebSocketTransport._fields
            },
        )

    def _listen(self, on_message: Any, gone: Callable[[], None]) -> None:
        self._listening = asyncio.create_task(self._tell(on_message, gone))

    async def _tell(self, on_message: Any, gone: Callable[[], None]) -> None:
        while True:
            await self._reading.wait()
            message = await self._to_app.get()
            if message["type"] == "websocket.disconnect":
                gone()
                return
            on_message(message.get("text"))

    def _write(self, frames: bytes) -> None:
        self.writes.append(frames)
        if self._taking.is_set():
            self._on_message(frames)
        else:
            self._unsent.append(frames)

    def _on_message(self, frames: bytes) -> None:
        for payload in payloads_of(frames):
            self._from_app.put_nowait(payload.decode())

    def _abort(self) -> None:
        self.aborted = True
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def _drained(self) -> None:
        await self._taking.wait()


class RealSocket(NamedTuple):
    """A strict client's end: it fails at a frame that RFC 6455 does not allow."""

    connection: ClientConnection

    async def send(self, said: str | bytes) -> None:
        """Send a frame: text or binary."""
        try:
            await self.connection.send(said)
        except ConnectionClosed as exc:
            raise _closed(exc) from None

    async def receive(self) -> str:
        """
        The next frame.

        Raises:
            Closed: If there is none, because the socket has ended.

        """
        try:
            found = await self.connection.recv()
        except ConnectionClosed as exc:
            raise _closed(exc) from None
        assert isinstance(found, str), "a binary frame"
        return found

    async def hang_up(self) -> None:
        """Be gone, without a close frame."""
        self.connection.transport.abort()
        await self.connection.wait_closed()


def _closed(exc: ConnectionClosed) -> Closed:
    # If this client was the first to complain, the server has sent what is not allowed.
    ours = exc.sent is not None and exc.rcvd_then_sent is not True
    assert not (ours and exc.sent.code in (1002, 1007)), exc
    return Closed(None, "") if exc.rcvd is None else Closed(exc.rcvd.code, exc.rcvd.reason)
