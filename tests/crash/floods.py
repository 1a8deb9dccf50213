"""
What hostile peers do at once: ``python -m tests.crash.floods NAME HOST PORT TOKEN SECONDS``.

Each flood runs in a process of its own, so that it doesn't slow down who measures. None reads more
than it has to.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count

from websockets.frames import Frame, Opcode

CONNECTING = 60
"""Peers that connect at the same time."""
_HOST = b"Host: here\r\n"
_UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
_KEY = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
_FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
_AT_ONCE = asyncio.Semaphore(CONNECTING)

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter, str], Awaitable[None]]


def get(path: str) -> bytes:
    """A request."""
    return f"GET {path} HTTP/1.1\r\n".encode() + _HOST + b"\r\n"


def handshake(token: str, *, key: bytes = _KEY, since: int | None = None) -> bytes:
    """The handshake of a WebSocket for the room ``general``."""
    query = f"token={token}" if since is None else f"token={token}&since={since}"
    return f"GET /ws/general?{query} HTTP/1.1\r\n".encode() + _HOST + _UPGRADE + key + b"\r\n"


def frame(text: bytes) -> bytes:
    """A message of a client."""
    return Frame(Opcode.TEXT, text).serialize(mask=True)


async def bad_handshakes(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: str
) -> None:
    """Handshakes without a key, each on a connection of its own."""
    writer.write(handshake("x", key=b""))
    await reader.read(1)


async def strangers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: str) -> None:
    """Good handshakes without a log-in."""
    writer.write(handshake("nobody"))
    await reader.read(1)


async def connects(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
    """A user's sockets, closed as soon as they are open."""
    writer.write(handshake(token))
    await reader.readuntil(b"caught_up")


async def small_chunks(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: str) -> None:
    """A body in chunks of one byte, without end."""
    writer.write(b"POST /token HTTP/1.1\r\n" + _HOST + _FORM)
    writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\na\r\n" * 2_000)
        await writer.drain()


async def single_bytes(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: str) -> None:
    """A request that comes byte by byte."""
    for byte in get("/health"):
        writer.write(bytes((byte,)))
        await asyncio.sleep(0.05)


async def unread_answers(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: str) -> None:
    """Requests for a large document whose answers are not read."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(get("/openapi.json") * 17)
    await asyncio.Event().wait()


async def unread_replays(
    _: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str
) -> None:
    """Sockets that ask for everything and read nothing."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(handshake(token, since=0))
    await asyncio.Event().wait()


async def unread_events(_: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
    """Sockets that join, and read nothing of what others say."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(handshake(token))
    await asyncio.Event().wait()


async def half_open(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: str) -> None:
    """Connections that send a half of a request, and wait."""
    writer.write(get("/health")[:20])
    await reader.read(1)


async def long_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: str) -> None:
    """A header of 60 MiB."""
    writer.write(get("/health")[:-2] + b"X: ")
    for _mebibyte in range(60):
        writer.write(b"x" * 2**20)
        await writer.drain()
    await reader.read(1)


async def log_ins(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: str) -> None:
    """Wrong passwords."""
    body = b"username=ana&password=wrong-but-long"
    writer.write(b"POST /token HTTP/1.1\r\n" + _HOST + _FORM)
    writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    await reader.read(1)


async def bad_messages(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str
) -> None:
    """Large messages that are not JSON, of a user."""
    writer.write(handshake(token))
    await reader.readuntil(b"caught_up")
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    while True:
        writer.write(frame(b"{" * 60_000))
        await writer.drain()


FLOODS: dict[str, Peer] = {
    peer.__name__: peer
    for peer in (
        *(bad_handshakes, strangers, connects, small_chunks, single_bytes),
        *(unread_answers, unread_replays, unread_events, log_ins, bad_messages),
        *(half_open, long_headers),
    )
}
PEERS = {
    **{"single_bytes": 800, "log_ins": 1_500, "small_chunks": 20, "bad_messages": 20},
    **{"half_open": 10_000, "unread_events": 1_000, "long_headers": 20},
}
"""How many there are at the same time; else 100."""


async def flood(name: str, host: str, port: int, token: str) -> None:
    """Keep up the flood until cancelled: each peer that ends is followed by another."""

    async def peers() -> None:
        for _ in count():
            with suppress(OSError, EOFError):
                async with _AT_ONCE:
                    reader, writer = await asyncio.open_connection(host, port, limit=2**22)
                try:
                    await FLOODS[name](reader, writer, token)
                finally:
                    writer.transport.abort()

    async with asyncio.TaskGroup() as group:
        for _ in range(PEERS.get(name, 100)):
            group.create_task(peers())


async def main() -> None:
    """Run one flood for so long."""
    name, host, port, token, seconds = sys.argv[1:]
    with suppress(TimeoutError):
        async with asyncio.timeout(float(seconds)):
            await flood(name, host, int(port), token)


if __name__ == "__main__":
    asyncio.run(main())
