"""
Ends of a socket: one inside this process, which calls the app as a server would, and one that
is a real client's.

Both have ``send``, ``receive`` and ``hang_up``;
:class:`tests.harness.socket_client.SocketClient` uses either.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from app.transport.base import EXTENSION, OnClose, OnMessage
from app.wire.websocket_frame import payloads_of


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
        self.reading = asyncio.Event()
        self.reading.set()
        self._listening: asyncio.Task[None] | None = None
        self.answers_pings = True
        """Whether a ping over the fast lane is answered."""
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
            "extensions": {EXTENSION: FastTransport(self)} if fast else {},
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
                self.accept(message.get("subprotocol"))
            case "websocket.send":
                self._from_app.put_nowait(message["text"])
            case "websocket.close":
                self.closed(message["code"], message["reason"])

    def listen(self, on_message: OnMessage, on_close: OnClose) -> None:
        """Deliver what the client sends."""
        self._listening = asyncio.create_task(self._deliver(on_message, on_close))

    async def _deliver(self, on_message: OnMessage, on_close: OnClose) -> None:
        while True:
            message = await self._to_app.get()
            if message["type"] == "websocket.disconnect":
                on_close()
                return
            await self.reading.wait()
            text = message.get("text")
            on_message(message["bytes"] if text is None else text)

    def write(self, frames: bytes) -> None:
        """Take finished frames."""
        self.writes.append(frames)
        if self._taking.is_set():
            self._on_message(frames)
        else:
            self._unsent.append(frames)

    def _on_message(self, frames: bytes) -> None:
        for payload in payloads_of(frames):
            self._from_app.put_nowait(payload.decode())

    def abort(self) -> None:
        """Drop the client."""
        self.aborted = True
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def drained(self) -> None:
        """Wait until the client takes what is sent."""
        await self._taking.wait()

    def unsent(self) -> int:
        """Bytes that the client has not taken."""
        return sum(map(len, self._unsent))

    def accept(self, subprotocol: str | None) -> None:
        """Accept the handshake."""
        self.subprotocol = subprotocol
        self.accepted.set()

    def closed(self, code: int, reason: str) -> None:
        """End it with a code."""
        self._from_app.put_nowait(Closed(code, reason))


class FastTransport:
    """An :class:`AsgiSocket` as its app sees it that writes finished bytes."""

    def __init__(self, socket: AsgiSocket) -> None:
        self._socket = socket
        self.write = socket.write
        self.unsent = socket.unsent
        self.abort = socket.abort
        self.drained = socket.drained
        self.set_receiver = socket.listen
        self.pause = socket.reading.clear
        self.resume = socket.reading.set

    def accept(self, subprotocol: str | None) -> bytes:
        """Accept the handshake."""
        self._socket.accept(subprotocol)
        return b""

    async def probe(self, within: float) -> bool:
        """Whether the client answers a ping."""
        return self._socket.answers_pings

    async def close(self, code: int, reason: str, within: float) -> None:
        """Close the connection."""
        self.pause()
        try:
            async with asyncio.timeout(within):
                await self._socket.drained()
        except TimeoutError:
            self.abort()
        else:
            self._socket.closed(code, reason)


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


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def no_tls() -> ssl.SSLContext:
    """For HTTP clients. By default, each would load all certificates of the system: 25 ms."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _closed(exc: ConnectionClosed) -> Closed:
    # If this client was the first to complain, the server has sent what is not allowed.
    ours = exc.sent is not None and exc.rcvd_then_sent is not True
    assert not (ours and exc.sent.code in (1002, 1007)), exc
    return Closed(None, "") if exc.rcvd is None else Closed(exc.rcvd.code, exc.rcvd.reason)
