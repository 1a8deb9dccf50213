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
from hashlib import sha1
from typing import Any, cast

import orjson
import uvloop

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MAX_BATCH = 512


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

    def __init__(self, writer: "Writer") -> None:
        self.writer = writer
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
            self.writer.rooms[self.room].discard(self)

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
        seq = self.writer.heads[self.room]
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
        self.writer.rooms[self.room].add(self)

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
                self.writer.inbox.put((self, orjson.loads(payload)))
            elif data[at] == 0x88:
                self.transport.write(frame(payload, 8))
                self.transport.close()
            at = end
        self.buffer = data[at:]


class Writer(threading.Thread):
    """Commits all waiting messages in one transaction, then sends the events."""

    def __init__(self, path: str, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(daemon=True)
        self.path, self.loop = path, loop
        self.inbox: queue.SimpleQueue[tuple[Member, dict[str, str]]] = queue.SimpleQueue()
        self.rooms: defaultdict[str, set[Member]] = defaultdict(set)
        self.heads: defaultdict[str, int] = defaultdict(int)

    def run(self) -> None:
        db = sqlite3.connect(self.path, isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE events (room TEXT, seq INTEGER, id TEXT, text TEXT)")
        db.execute("CREATE UNIQUE INDEX once ON events (room, id)")
        while True:
            batch = [self.inbox.get()]
            while len(batch) < MAX_BATCH and not self.inbox.empty():
                batch.append(self.inbox.get())
            rows = []
            for member, sent in batch:
                room = cast(str, member.room)
                self.heads[room] += 1
                rows.append((room, self.heads[room], sent["id"], sent["text"]))
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
            db.execute("COMMIT")
            self.loop.call_soon_threadsafe(self.tell, [m for m, _ in batch], rows)

    def tell(self, senders: list[Member], rows: list[tuple[str, int, str, str]]) -> None:
        runs: defaultdict[str, list[bytes]] = defaultdict(list)
        acks: defaultdict[Member, list[bytes]] = defaultdict(list)
        for sender, (room, seq, ref, text) in zip(senders, rows, strict=True):
            event = {"type": "message.created", "room": room, "seq": seq, "text": text, "id": ref}
            runs[room].append(frame(orjson.dumps(event)))
            acks[sender].append(frame(orjson.dumps({"type": "ack", "re": ref, "seq": seq})))
        for room, frames in runs.items():
            joined = b"".join(frames)
            for member in self.rooms[room]:
                member.transport.write(joined)
        for sender, answers in acks.items():
            sender.transport.write(b"".join(answers))


async def serve(port: int, path: str) -> None:
    loop = asyncio.get_running_loop()
    writer = Writer(path, loop)
    writer.start()
    server = await loop.create_server(lambda: Member(writer), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
