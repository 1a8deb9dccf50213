"""
A quarter of a room reads nothing: the others hear as quickly as before, and the server holds
little for those who don't, and not for long.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.test_floods import memory_mib, p99
from tests.harness.crowd import Member
from tests.harness.patience import PATIENCE_SECONDS, until
from tests.harness.process import Process
from tests.harness.socket_client import SocketClient

pytestmark = [pytest.mark.crash, pytest.mark.sqlite_only, pytest.mark.timeout(600)]

ROOM = "general"
USERS = 10
# A message of the longest text as often: 80 KB/s for each reader.
TEXT = "x" * 3_900
PAUSE_SECONDS = 0.05
RECEIVE_BUFFER_BYTES = 4_096
CLOSED_SECONDS = 10.0
GONE_SECONDS = 20.0
HELD_BYTES = 300 * 1024
# How much longer the others may wait than without slow readers.
RISE = 1.2


class Room:
    """A room in which someone talks, and how long each event took to those who read."""

    def __init__(self, server: Process, slow: int, others: int) -> None:
        self._server = server
        self._slow = slow
        self._others = others
        self.delays: list[float] = []
        self.readers: list[Member] = []
        self.slow: list[Member] = []
        self.writer: SocketClient

    async def fill(self) -> None:
        people = [await self._server.person(f"person-{n}") for n in range(USERS)]
        loop = asyncio.get_running_loop()

        def heard(event: dict[str, str]) -> None:
            if event["type"] == "message.created":
                self.delays.append(loop.time() - float(event["text"].split()[0]))

        tokens = [people[n % USERS].token for n in range(self._others + self._slow)]
        self.readers = [Member(token, ROOM, heard) for token in tokens[: self._others]]
        self.slow = [Member(token, ROOM) for token in tokens[self._others :]]
        for member in self.readers:
            await member.connect(self._server.address)
        self.writer = await self._server.connects(people[0])
        await self.slow_ones_come()

    async def slow_ones_come(self) -> None:
        """Those who will be slow come back; they read, so far."""
        for member in self.slow:
            await member.connect(self._server.address, receive_buffer=RECEIVE_BUFFER_BYTES)

    async def talk(self, seconds: float) -> list[float]:
        """Talk for so long; return how long each event took to each reader."""
        loop = asyncio.get_running_loop()
        self.delays = []
        end = loop.time() + seconds
        while loop.time() < end:
            await self.writer.ask("send", room=ROOM, text=f"{loop.time()} {TEXT}")
            await asyncio.sleep(PAUSE_SECONDS)
        return self.delays


def unsent_bytes(server: Process) -> int:
    """What the kernel holds of the server's sockets that was not taken."""
    port = f"{int(server.address.rpartition(':')[2]):04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return sum(int(f[4].split(":")[0], 16) for f in fields if f[1].endswith(f":{port}"))


def sockets(server: Process) -> int:
    """How many files the server has open."""
    assert server.process is not None
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


@pytest.mark.parametrize(
    ("others", "slow", "rounds", "seconds"),
    [(30, 10, 1, 8.0), pytest.param(150, 50, 5, 12.0, marks=pytest.mark.hard)],
)
async def test_slow_readers_hold_no_one_up(
    tmp_path: Path,
    others: int,
    slow: int,
    rounds: int,
    seconds: float,
    report: Callable[[str], None],
) -> None:
    server = Process(tmp_path, log_level="warning")
    await server.start()
    loop = asyncio.get_running_loop()
    without: list[float] = []
    beside: list[float] = []
    closed: list[float] = []
    held: list[float] = []
    try:
        room = Room(server, slow, others)
        await room.fill()
        for _ in range(rounds):
            without += await room.talk(seconds)
            files, memory, unsent = sockets(server), memory_mib(server), unsent_bytes(server)
            for member in room.slow:
                member.stop_reading()
            began = loop.time()
            talking = asyncio.create_task(room.talk(seconds))
            while sockets(server) > files - slow:
                grown = (memory_mib(server) - memory) * 2**20 + unsent_bytes(server) - unsent
                held.append(grown / slow)
                await asyncio.sleep(0.25)
                assert loop.time() < began + GONE_SECONDS + PATIENCE_SECONDS, "still open"
            closed.append(loop.time() - began)
            beside += await talking
            for member in room.slow:
                member.drop()
            await room.slow_ones_come()
        for member in [*room.readers, *room.slow]:
            member.drop()
        await room.writer.hang_up()
        await until(lambda: sockets(server) <= files - slow - others, "the sockets to be closed")
    finally:
        await server.stop()

    report(
        f"{slow} of {slow + others} read nothing: p99 of the others {p99(beside) * 1_000:.1f} ms,"
        f" without {p99(without) * 1_000:.1f} ms; gone after {max(closed):.1f} s,"
        f" at most {max(held) / 1024:.0f} KiB each"
    )
    assert [m.failure for m in [*room.readers, *room.slow] if m.failure] == []
    assert len(beside) > others * seconds
    assert max(held) < HELD_BYTES
    assert "Traceback" not in server.log
    if rounds > 1:  # on a machine that does nothing else
        assert max(closed) <= CLOSED_SECONDS
        assert p99(beside) < RISE * p99(without)
