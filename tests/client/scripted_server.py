"""A peer that sends what a test says: for what a real server does rarely, or never."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from parley_client import Client, Limits

Frame = dict[str, Any]

QUICK = Limits(
    backoff_min_seconds=0.01,
    backoff_max_seconds=0.05,
    pong_seconds=0.2,
    close_seconds=0.5,
    retry_seconds=0.01,
    request_seconds=30.0,
)
"""Pauses that a test can wait for."""

WELCOME: Frame = {
    "type": "welcome",
    "user": "ana",
    "epoch": "e1",
    "server_time": "2026-11-21T08:00:00.000Z",
    "heartbeat_seconds": 25,
    "expires_in": 899,
    "limits": {},
    "rooms": [],
}


def message(seq: int, text: str = "hi", room: str = "general") -> Frame:
    """A ``message.created``."""
    at = "2026-11-21T08:00:00.123Z"
    return {
        "type": "message.created",
        "room": room,
        "seq": seq,
        "at": at,
        "by": "bo",
        "text": text,
    }


class Peer:
    """One connection, from the server's side."""

    def __init__(self, socket: ServerConnection, number: int) -> None:
        self._socket = socket
        self.number = number
        """1 for the first connection of the test."""

    @property
    def token(self) -> str:
        """The token that the client came with."""
        assert self._socket.request is not None
        return self._socket.request.headers["Authorization"].removeprefix("Bearer ")

    async def say(self, *frames: Frame | str) -> None:
        """Send frames."""
        for frame in frames:
            await self._socket.send(frame if isinstance(frame, str) else json.dumps(frame))

    async def hears(self, kind: str | None = None) -> Frame:
        """The next frame of the client, or the next of this type."""
        while True:
            frame: Frame = json.loads(await self._socket.recv())
            if kind is None or frame["type"] == kind:
                return frame

    async def joins(self, *, head: int = 0, epoch: str = "e1") -> Frame:
        """Wait for a ``join``, and answer it without a replay."""
        asked = await self.hears("join")
        await self.say(joined(asked, head=head, epoch=epoch), caught_up(asked, head))
        return asked

    async def closes(self, code: int, reason: str = "") -> None:
        """Close the connection."""
        await self._socket.close(code, reason)

    async def waits(self) -> None:
        """Wait until the client has gone."""
        await self._socket.wait_closed()


def joined(asked: Frame, *, head: int = 0, epoch: str = "e1") -> Frame:
    """The answer to a ``join``."""
    room = asked["room"]
    return {
        "type": "joined",
        "re": asked["id"],
        "room": room,
        "head": head,
        "first": 1,
        "epoch": epoch,
    }


def caught_up(asked: Frame, seq: int) -> Frame:
    """The end of a replay."""
    return {"type": "caught_up", "re": asked["id"], "room": asked["room"], "seq": seq}


def ack(asked: Frame, seq: int = 1) -> Frame:
    """The answer to a request."""
    return {"type": "ack", "re": asked["id"], "seq": seq, "at": "2026-11-21T08:00:00.123Z"}


Script = Callable[[Peer], Awaitable[None]]


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[str]:
    """The address of a server that runs ``script`` for each connection."""
    count = 0

    async def handle(socket: ServerConnection) -> None:
        nonlocal count
        count += 1
        try:
            await script(Peer(socket, count))
        except ConnectionClosed:
            pass

    async with serve(handle, "127.0.0.1", 0, close_timeout=0.5) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"http://127.0.0.1:{port}"


def quick_client(url: str, **options: Any) -> Client:
    """A client that doesn't wait long, with a token that a scripted server doesn't read."""
    return Client(url, **{"get_token": lambda: "t", "limits": QUICK, **options})


async def settled(*awaitables: Awaitable[Any]) -> list[Any]:
    """The results or exceptions of all."""
    return await asyncio.gather(*awaitables, return_exceptions=True)
