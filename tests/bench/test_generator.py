"""What the load generator reports for correct servers and for faulty ones."""

import asyncio
import os
import shutil
import socket
import threading
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from bench import generator
from bench.generator import Connection, Load
from bench.peers.bare_uvloop import Member, SqliteRooms

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")

SHORT_LOAD = Load(
    mode="closed", inflight=2, opening=1, warmup=0.05, seconds=0.15, drain=30, limit=60
)
# Of a server that loses something, the rest is not waited for.
SHORT_DRAIN = replace(SHORT_LOAD, drain=0.1)
# A sender, a member whose messages are checked, two that are only counted.
ROOM = [
    Connection(target="/ws/room", sends=True, checked=True),
    Connection(target="/ws/room", checked=True),
    Connection(target="/ws/room"),
    Connection(target="/ws/room"),
]


class TamperingTransport:
    """A transport that changes what is written."""

    def __init__(self, transport, change):
        self._transport = transport
        self._change = change

    def write(self, data):
        self._transport.write(data if data.startswith(b"HTTP") else self._change(data))

    def __getattr__(self, name):
        return getattr(self._transport, name)


@contextmanager
def serve(path, change=None, *, target=1, accepted=None):
    """Run the bare server; ``change`` alters what it writes to one connection, or to all."""
    made = []

    class Connected(Member):
        def connection_made(self, transport):
            super().connection_made(transport)
            made.append(self)
            if accepted is not None:
                accepted(self, len(made) - 1)
            if change is not None and target in (None, len(made) - 1):
                self.transport = TamperingTransport(self.transport, change)

    loop = asyncio.new_event_loop()
    listening = socket.create_server(("127.0.0.1", 0))
    rooms = SqliteRooms(str(path / "bare.db"), loop)
    loop.run_until_complete(loop.create_server(lambda: Connected(rooms), sock=listening))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for member in made:
            member.transport.abort()
        listening.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def measure(port, load=SHORT_LOAD, room=ROOM):
    return generator.run("parley", port, os.getpid(), load, room)


def is_event(data):
    return b'"type":"message.created"' in data


def drop_third_write():
    """Drop the third write of events."""
    writes = []

    def change(data):
        if is_event(data):
            writes.append(data)
            return b"" if len(writes) == 3 else data
        return data

    return change


def swap_writes():
    """Swap the first write of events with the second: on a busy machine there are few."""
    writes = []

    def change(data):
        if not is_event(data):
            return data
        writes.append(data)
        if len(writes) == 1:
            return b""
        return data + writes[0] if len(writes) == 2 else data

    return change


def duplicate(data):
    return data * 2 if is_event(data) else data


def alter(data):
    return data.replace(b"klm", b"kln")


def drop_acks(data):
    return b"" if b'{"type":"ack"' in data[:20] else data


def test_a_correct_server_has_no_faults(tmp_path):
    with serve(tmp_path) as port:
        counted = measure(port)

    assert counted.faults(ordered=True) == []
    assert counted.numbers["sent"] > 2
    assert counted.numbers["delivered"] == counted.numbers["sent"] * len(ROOM)
    assert counted.numbers["acks_per_second"] > 0


@pytest.mark.parametrize(
    ("change", "target", "fault"),
    [
        pytest.param(drop_third_write(), 3, "missing", id="lost, counted only"),
        pytest.param(drop_third_write(), 1, "After event", id="lost, checked"),
        pytest.param(swap_writes(), 1, "After event", id="swapped"),
        pytest.param(duplicate, 2, "A connection got", id="duplicated"),
        pytest.param(alter, 1, "another text", id="altered"),
        pytest.param(drop_acks, 0, "never acknowledged", id="not acknowledged"),
    ],
)
def test_a_wrong_delivery_makes_the_run_void(tmp_path, change, target, fault):
    with serve(tmp_path, change, target=target) as port:
        counted = measure(port, SHORT_DRAIN)

    assert fault in " ".join(counted.faults(ordered=True))


def test_paced_messages_are_timed_to_their_last_member(tmp_path):
    with serve(tmp_path) as port:
        counted = measure(port, replace(SHORT_LOAD, mode="paced", rate=100, seconds=0.3))

    assert counted.faults(ordered=True) == []
    assert counted.numbers["sent"] >= 35
    assert counted.numbers["last_member_ms"]["n"] > 0
    assert counted.numbers["last_member_ms"]["p50"] >= counted.numbers["ack_ms"]["p50"] / 2


def test_a_stalled_client_is_not_counted_and_its_close_is_noticed(tmp_path):
    def small(member, number):
        sock = member.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

    def cut_stalled(data):
        # On a busy machine, others have as much to read for a while.
        stalled = members[len(ROOM)]
        if stalled.transport.get_write_buffer_size() > 10_000:
            stalled.transport.abort()
        return data

    members = []
    # Opened one after the other: the last member is the one that stalls.
    room = [*ROOM, Connection(target="/ws/room", stalled=True)]

    def accepted(member, number):
        small(member, number)
        members.append(member)

    with serve(tmp_path, cut_stalled, target=0, accepted=accepted) as port:
        counted = measure(port, replace(SHORT_LOAD, mode="paced", rate=1000, seconds=1.0), room)

    assert counted.faults(ordered=True) == []
    assert counted.numbers["stalled_released"] == counted.numbers["stalled_ended"] == 1
    assert counted.numbers["released_after_seconds"] > 0


@contextmanager
def answer_posts(change):
    """Answer each POST with its body, changed, until the block ends."""

    async def answer(reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            status, body = change(await reader.readexactly(length))
            writer.write(
                b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body
            )

    async def until_it_ends(reader, writer):
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await answer(reader, writer)
        writer.close()

    async def serve_posts():
        server = await asyncio.start_server(until_it_ends, "127.0.0.1", 0)
        async with server:
            listening.set_result(server.sockets[0].getsockname()[1])
            await asyncio.to_thread(over.wait)
        # The generator has gone: every connection has ended.
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)

    listening, over = Future(), threading.Event()
    thread = threading.Thread(target=asyncio.run, args=(serve_posts(),))
    thread.start()
    try:
        yield listening.result()
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        pytest.param(lambda body: (201, body), "", id="as sent"),
        pytest.param(
            lambda body: (201, body.replace(b"klm", b"kln")), "another text", id="altered"
        ),
        pytest.param(lambda body: (429, body), "A message was refused", id="refused"),
    ],
)
def test_posted_messages_are_answered_with_their_text(change, fault):
    room = [Connection(target="/rooms/room/messages", argument="token") for _ in range(3)]
    with answer_posts(change) as port:
        counted = generator.run("http", port, os.getpid(), replace(SHORT_LOAD, mode="posts"), room)

    assert fault in " ".join(counted.faults(ordered=True))
    assert bool(fault) == bool(counted.faults(ordered=True))
    assert counted.numbers["sent"] >= len(room)


def test_connects_are_counted_repeatedly(tmp_path):
    with serve(tmp_path) as port:
        counted = measure(port, replace(SHORT_LOAD, mode="connect", opening=2))

    assert counted.faults(ordered=True) == []
    assert counted.numbers["ready_per_second"] > len(ROOM)


def test_idle_connections_stay_open_until_the_block_ends(tmp_path):
    with serve(tmp_path) as port:
        where = ("parley", port, os.getpid())
        with generator.hold_open(*where, replace(SHORT_LOAD, mode="idle"), ROOM) as counted:
            assert counted == []

    assert counted[0].faults(ordered=True) == []
