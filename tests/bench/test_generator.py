"""What the load generator finds, of servers that do as they should and of others."""

import asyncio
import os
import shutil
import socket
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest

from bench import generator
from bench.generator import Connection, Load
from bench.peers.bare_uvloop import Member, Writer

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")

BRIEFLY = Load(
    mode="closed", inflight=2, opening=1, warmup=0.05, seconds=0.15, drain=0.1, limit=10
)
# Sender, a member who is looked at closely, two who are only counted.
ROOM = [
    Connection(target="/ws/room", sends=True, checked=True),
    Connection(target="/ws/room", checked=True),
    Connection(target="/ws/room"),
    Connection(target="/ws/room"),
]


class Tampering:
    """A transport that changes what is written."""

    def __init__(self, transport, change):
        self._transport = transport
        self._change = change

    def write(self, data):
        self._transport.write(data if data.startswith(b"HTTP") else self._change(data))

    def __getattr__(self, name):
        return getattr(self._transport, name)


@contextmanager
def serve(path, change=None, *, whose=1, accepted=None):
    """The bare server, which tampers with what it writes to one of its connections, or all."""
    made = []

    class Connected(Member):
        def connection_made(self, transport):
            super().connection_made(transport)
            made.append(self)
            if accepted is not None:
                accepted(self, len(made) - 1)
            if change is not None and whose in (None, len(made) - 1):
                self.transport = Tampering(self.transport, change)

    loop = asyncio.new_event_loop()
    listening = socket.create_server(("127.0.0.1", 0))
    writer = Writer(str(path / "bare.db"), loop)
    writer.start()
    loop.run_until_complete(loop.create_server(lambda: Connected(writer), sock=listening))
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


def count(port, load=BRIEFLY, room=ROOM):
    return generator.run("parley", port, os.getpid(), load, room)


def is_event(data):
    return b'"type":"message.created"' in data


def losing():
    """Leaves the third write of events out."""
    writes = []

    def change(data):
        if is_event(data):
            writes.append(data)
            return b"" if len(writes) == 3 else data
        return data

    return change


def swapping():
    """Exchanges the third write of events with the fourth."""
    writes = []

    def change(data):
        if not is_event(data):
            return data
        writes.append(data)
        if len(writes) == 3:
            return b""
        return data + writes[2] if len(writes) == 4 else data

    return change


def doubling(data):
    return data * 2 if is_event(data) else data


def altering(data):
    return data.replace(b"klm", b"kln")


def forgetting_to_answer(data):
    return b"" if b'{"type":"ack"' in data[:20] else data


def test_a_faithful_server_has_no_faults(tmp_path):
    with serve(tmp_path) as port:
        counted = count(port)

    assert counted.faults(ordered=True) == []
    assert counted.numbers["sent"] > 2
    assert counted.numbers["delivered"] == counted.numbers["sent"] * len(ROOM)
    assert counted.numbers["acks_per_second"] > 0


@pytest.mark.parametrize(
    ("change", "whose", "fault"),
    [
        pytest.param(losing(), 3, "missing", id="lost, where it is only counted"),
        pytest.param(losing(), 1, "After event", id="lost, where it is looked at"),
        pytest.param(swapping(), 1, "After event", id="swapped"),
        pytest.param(doubling, 2, "A connection got", id="doubled"),
        pytest.param(altering, 1, "another text", id="altered"),
        pytest.param(forgetting_to_answer, 0, "never acknowledged", id="not acknowledged"),
    ],
)
def test_a_run_is_void_when_a_delivery_is(tmp_path, change, whose, fault):
    with serve(tmp_path, change, whose=whose) as port:
        counted = count(port)

    assert fault in " ".join(counted.faults(ordered=True))


def test_every_paced_message_is_timed_to_its_last_member(tmp_path):
    with serve(tmp_path) as port:
        counted = count(port, replace(BRIEFLY, mode="paced", rate=100, seconds=0.3))

    assert counted.faults(ordered=True) == []
    assert counted.numbers["last_member_ms"]["n"] == pytest.approx(30, abs=2)
    assert counted.numbers["last_member_ms"]["p50"] >= counted.numbers["ack_ms"]["p50"] / 2


def test_who_never_reads_is_not_counted_and_is_seen_when_cut(tmp_path):
    def small(member, number):
        sock = member.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

    def impatient(data):
        for member in members:
            if member.transport.get_write_buffer_size() > 10_000:
                member.transport.abort()
        return data

    members = []
    room = [*ROOM, Connection(target="/ws/room", stalled=True)]

    def accepted(member, number):
        small(member, number)
        members.append(member)

    with serve(tmp_path, impatient, whose=0, accepted=accepted) as port:
        counted = count(port, replace(BRIEFLY, mode="paced", rate=1000, seconds=0.5), room)

    assert counted.faults(ordered=True) == []
    assert counted.numbers["stalled_released"] == counted.numbers["stalled_ended"] == 1
    assert 0 < counted.numbers["released_after_seconds"] < 0.55 + 0.35


def test_arriving_is_counted_again_and_again(tmp_path):
    with serve(tmp_path) as port:
        counted = count(port, replace(BRIEFLY, mode="connect", opening=2))

    assert counted.faults(ordered=True) == []
    assert counted.numbers["ready_per_second"] > len(ROOM)


def test_idle_connections_are_held_until_they_were_looked_at(tmp_path):
    with serve(tmp_path) as port:
        where = ("parley", port, os.getpid())
        with generator.held(*where, replace(BRIEFLY, mode="idle"), ROOM) as counted:
            assert counted == []

    assert counted[0].faults(ordered=True) == []
