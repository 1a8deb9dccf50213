"""
An upper bound: a minimal server without the features of a chat.

An asyncio protocol on uvloop that speaks as much of Parley's protocol as the load generator needs.
Group commit with ``synchronous=FULL`` in a thread, one joined write per member and batch. No
login, no membership, no limits, no resume: not a server to use.
"""

import asyncio
import queue
import socket
import sqlite3
import sys
import threading
from base64 import b64encode
from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha1
from typing import Any, cast

import orjson
import uvloop

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MAX_BATCH = 512

Sent = dict[str, str]
Row = tuple[str, int, str, str]


def frame(payload: bytes, opcode: int = 1) -> bytes:
    if len(payload) < 126:
        return bytes((0x80 | opcode, len(payload))) + payload
    return bytes((0x80 | opcode, 126)) + len(payload).to_bytes(2, "big") + payload


def unmask(payload: bytes, mask: bytes) -> bytes:
    n = len(payload)
    key = int.from_bytes((mask * (n // 4 + 1))[:n], "big")
    return (int.from_bytes(payload, "big") ^ key).to_bytes(n, "big")


class Member(asyncio.Protocol):
    """One socket. After the handshake it is in the room of its path."""

    def __init__(self, rooms: "Rooms") -> None:
        self.rooms = rooms
        self.buffer = b""
        self.room: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=1 << 20)
        self.transport.get_extra_info("socket").setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )

    def connection_lost(self, exc: Exception | None) -> None:
        if self.room is not None:
            self.rooms.members[self.room].discard(self)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.room is None:
            self._handshake()
        else:
            self._frames()

    def _handshake(self) -> None:
        head, separator, self.buffer = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            self.buffer = head
            return
        lines = head.split(b"\r\n")
        headers = dict(line.split(b": ", 1) for line in lines[1:])
        if b"Sec-WebSocket-Key" not in headers:
            self.transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            self.transport.close()
            return
        accept = b64encode(sha1(headers[b"Sec-WebSocket-Key"] + GUID).digest())
        self.room = lines[0].split()[1].partition(b"?")[0].rpartition(b"/")[2].decode()
        seq = self.rooms.heads[self.room]
        hello: list[dict[str, Any]] = [
            {"type": "welcome"},
            {"type": "joined", "room": self.room, "head": seq},
            {"type": "caught_up", "room": self.room, "seq": seq},
        ]
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: "
            + accept
            + b"\r\n\r\n"
            + b"".join(frame(orjson.dumps(part)) for part in hello)
        )
        self.rooms.members[self.room].add(self)

    def _frames(self) -> None:
        data, at = self.buffer, 0
        while len(data) - at >= 6:
            size, start = data[at + 1] & 127, at + 2
            if size == 126:
                size, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            end = start + 4 + size
            if len(data) < end:
                break
            payload = unmask(data[start + 4 : end], data[start : start + 4])
            if data[at] == 0x81:
                self.rooms.receive(self, orjson.loads(payload))
            elif data[at] == 0x88:
                self.transport.write(frame(payload, 8))
                self.transport.close()
            at = end
        self.buffer = data[at:]


class Rooms:
    """Who is in each room, and its last number. Used in the event loop."""

    def __init__(self) -> None:
        self.members: defaultdict[str, set[Member]] = defaultdict(set)
        self.heads: defaultdict[str, int] = defaultdict(int)

    def receive(self, sender: Member, sent: Sent) -> None:
        """Store a message, and send it to the members."""
        raise NotImplementedError

    def number(self, batch: Sequence[tuple[Member, Sent]]) -> list[Row]:
        rows = []
        for sender, sent in batch:
            room = cast(str, sender.room)
            self.heads[room] += 1
            rows.append((room, self.heads[room], sent["id"], sent["text"]))
        return rows

    def tell(self, senders: Sequence[Member], rows: Sequence[Row]) -> None:
        runs: defaultdict[str, list[bytes]] = defaultdict(list)
        acks: defaultdict[Member, list[bytes]] = defaultdict(list)
        for sender, (room, seq, ref, text) in zip(senders, rows, strict=True):
            event = {"type": "message.created", "room": room, "seq": seq, "text": text, "id": ref}
            runs[room].append(frame(orjson.dumps(event)))
            acks[sender].append(frame(orjson.dumps({"type": "ack", "re": ref, "seq": seq})))
        for room, frames in runs.items():
            joined = b"".join(frames)
            for member in self.members[room]:
                member.transport.write(joined)
        for sender, answers in acks.items():
            sender.transport.write(b"".join(answers))


class SqliteRooms(Rooms):
    """Commits all waiting messages in one transaction, in a thread, then sends the events."""

    def __init__(self, path: str, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._path, self._loop = path, loop
        self._inbox: queue.SimpleQueue[tuple[Member, Sent]] = queue.SimpleQueue()
        threading.Thread(target=self._write, daemon=True).start()

    def receive(self, sender: Member, sent: Sent) -> None:
        self._inbox.put((sender, sent))

    def _write(self) -> None:
        db = sqlite3.connect(self._path, isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE events (room TEXT, seq INTEGER, id TEXT, text TEXT)")
        db.execute("CREATE UNIQUE INDEX once ON events (room, id)")
        while True:
            batch = [self._inbox.get()]
            while len(batch) < MAX_BATCH and not self._inbox.empty():
                batch.append(self._inbox.get())
            rows = self.number(batch)
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
            db.execute("COMMIT")
            self._loop.call_soon_threadsafe(self.tell, [m for m, _ in batch], rows)


async def serve(port: int, rooms: Rooms) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Member(rooms), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


async def main(port: int, path: str) -> None:
    await serve(port, SqliteRooms(path, asyncio.get_running_loop()))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
