"""
``python -m bench.stages``: the cost of each stage of a message's path, in microseconds.

Measures each stage of a message's path through a room of 100, separately and on one core, for one
message and for a batch of 50 from ten senders. In a server under load the stages share the core
with each other and with the kernel's work on what was sent, and add up to more; that is why whole
servers are measured too. The figures are medians of some hundred turns.
"""

import asyncio
import os
import selectors
import signal
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvloop
from websockets.frames import Frame, Opcode

from app.domain.appends import Committed, Send
from app.domain.decide import decide
from app.domain.events import EventBatch
from app.domain.ids import Millis, RoomId, UserId
from app.domain.token_bucket import TokenBucket
from app.realtime.client_session import ClientSession
from app.store import log_writer, working_set_loader
from app.store.database import DbConnection
from app.store.sqlite import SqliteDatabase
from app.store.sqlite_connection import SqliteConnection
from app.store.thread_pool import ThreadPool
from app.transport.frame_reader import FrameReader
from app.wire import answers
from app.wire.event_encoding import encode_batch
from app.wire.websocket_frame import text_frame
from bench import fixtures
from bench.dataset import TEXT_BYTES, Dataset, Room
from bench.machine import LOAD_CORE, SERVER_CORE, describe, on_core

_MEMBERS = 100
_SENDERS = 10
_TURNS = 400
_ROOM = RoomId(fixtures.FIRST_ROOM)
_TEXT = "x" * TEXT_BYTES
_MANY = 1e9
_MAX_FRAME = 65_536

Timings = dict[str, list[float]]


def main() -> None:
    """Print a table."""
    print(", ".join(f"{name} {value}" for name, value in describe().items()))
    with _drain_process() as port, on_core(SERVER_CORE):
        columns = [_medians(uvloop.run(_turns(size, port))) for size in (1, 50)]
    print(f"{'µs':52}{'one message':>12}{'a batch of 50':>15}{'of it, each':>13}")
    for part in columns[0]:
        one, many = (column[part] * 1e6 for column in columns)
        print(f"{part:52}{one:12.1f}{many:15.1f}{many / 50:13.1f}")


def _medians(timings: Timings) -> dict[str, float]:
    found = {part: statistics.median(times) for part, times in timings.items()}
    return {**found, "all of it": sum(found.values())}


async def _turns(size: int, port: int) -> Timings:
    timings: Timings = {}
    members = [await _member(port) for _ in range(_MEMBERS)]
    with tempfile.TemporaryDirectory(prefix="parley-parts-") as folder:
        file = Path(folder, "parley.db")
        fixtures.fill(file, Dataset((Room("hundred", _MEMBERS),)))
        database, threads = SqliteDatabase(file), ThreadPool(1, "bench")
        for turn in range(_TURNS):
            numbers = range(turn * size, (turn + 1) * size)
            _read(timings, numbers)
            await _hop(timings, threads)
            batch = await database.write(lambda c, n=numbers: _commit(timings, c, n))  # type: ignore[misc]
            _deliver(timings, batch, members)
            # Let the readers keep up.
            await asyncio.sleep(0.001)
        threads.close()
        await database.close()
    for member in members:
        member.abort()
    return timings


def _read(timings: Timings, numbers: Sequence[int]) -> None:
    said = [f'{{"type":"send","id":"bench-{n:08}","text":"{_TEXT}"}}'.encode() for n in numbers]
    frames = [Frame(Opcode.TEXT, text).serialize(mask=True) for text in said]
    reader, texts = FrameReader(_MAX_FRAME), []
    with _timed(timings, "read: cut and unmask"):
        for frame in frames:
            texts += reader.split(frame, len(frames))
    full = [TokenBucket(_MANY, _MANY, 0) for _ in range(2)]
    session = ClientSession(room="hundred", frames=full[0], sends=full[1])
    with _timed(timings, "decode, check, limits"):
        for text in texts:
            session.receive(str(text), 0)


async def _hop(timings: Timings, threads: ThreadPool) -> None:
    with _timed(timings, "to the writer's thread and back"):
        await threads.run(abs, -1)


def _commit(timings: Timings, connection: DbConnection, numbers: Sequence[int]) -> EventBatch:
    """One batch, with the COMMIT and the next BEGIN, which SQLAlchemy would issue."""
    batch = [
        Send(
            room=_ROOM,
            by=_sender(n),
            at=Millis(int(time.time() * 1000)),
            client_id=f"bench-{n:08}",
            text=_TEXT,
        )
        for n in numbers
    ]
    with _timed(timings, "load what the batch may ask about"):
        ws = working_set_loader.load(connection, batch)
    with _timed(timings, "decide"):
        for append in batch:
            decide(ws, append)
    with _timed(timings, "insert"):
        log_writer.save(connection, ws)
    assert isinstance(connection, SqliteConnection)
    raw = connection.driver
    with _timed(timings, "COMMIT: write the pages, one fdatasync"):
        raw.execute("COMMIT")
    with _timed(timings, "BEGIN IMMEDIATE"):
        raw.execute("BEGIN IMMEDIATE")
    room = ws.rooms[_ROOM]
    names = {person.user: person.username for person in ws.people.values()}
    return EventBatch(_ROOM, room.name, room.kind, ws.events, names)


def _sender(number: int) -> UserId:
    return UserId(fixtures.FIRST_USER + number % _SENDERS)


def _deliver(timings: Timings, batch: EventBatch, members: Sequence[asyncio.Transport]) -> None:
    with _timed(timings, "encode and frame, once for all"):
        joined = b"".join(encode_batch(batch))
    with _timed(timings, f"write to {_MEMBERS} sockets"):
        for member in members:
            member.write(joined)
    with _timed(timings, "answers: encode and frame"):
        for event in batch.events:
            text_frame(answers.append_ack(event.client_id, Committed(event.seq, event.at)))


@contextmanager
def _timed(timings: Timings, part: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    timings.setdefault(part, []).append(time.perf_counter() - began)


async def _member(port: int) -> asyncio.Transport:
    made: Callable[[], asyncio.Protocol] = asyncio.Protocol
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(made, "127.0.0.1", port)
    return transport


@contextmanager
def _drain_process() -> Iterator[int]:
    """Run a process on the other core that reads what the members are sent; yields its port."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=_MEMBERS)
    child = os.fork()
    if child == 0:
        os.sched_setaffinity(0, {LOAD_CORE})
        _drain(listening)
    try:
        yield listening.getsockname()[1]
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        listening.close()


def _drain(listening: socket.socket) -> None:
    selector = selectors.DefaultSelector()
    selector.register(listening, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listening:
                accepted, _address = listening.accept()
                accepted.setblocking(False)
                selector.register(accepted, selectors.EVENT_READ)
            elif not os.read(key.fd, 1 << 20):
                selector.unregister(key.fileobj)
                os.close(key.fd)


if __name__ == "__main__":
    main()
