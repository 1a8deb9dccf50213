"""
Under each flood two people go on talking, and /health answers.

The bounds are times, so this is for a machine that does nothing else.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import pytest

from tests.crash.floods import FLOODS
from tests.harness.process import Process
from tests.harness.socket_client import SocketClient

pytestmark = [
    pytest.mark.crash,
    pytest.mark.hard,
    pytest.mark.sqlite_only,
    pytest.mark.timeout(120),
]

SECONDS = 8
# Until all of its peers are there, and the first ones have been closed.
SECONDS_OF = {"half_open": 25, "unread_events": 20}
HEARD_P99_SECONDS = 0.25
SLOWEST_HEALTH_SECONDS = 0.5
MORE_MEMORY_MIB = 32
# Ten thousand connections, and a thousand each of which may have MAX_UNSENT_BYTES.
MORE_MEMORY_MIB_OF = {"half_open": 128, "unread_events": 300}
REST_SECONDS = 10


def memory_mib(server: Process) -> float:
    """What the server holds."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line) / 1_024


def p99(seconds: Sequence[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.99)]


def open_files(server: Process) -> int:
    """How many files and connections the server has open."""
    assert server.process is not None
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


class Canary:
    """Two people who talk ten times a second, and a client that asks for /health."""

    def __init__(self, server: Process) -> None:
        self._server = server
        self.heard: list[float] = []
        self.health: list[float] = []
        self.most_memory = 0.0
        self.most_files = 0

    async def watch(self, bo: SocketClient, cy: SocketClient, until: asyncio.Event) -> None:
        client = self._server.client()
        while not until.is_set():
            began = monotonic()
            answer = await bo.ask("send", text="tick")
            await cy.hears_until(answer["seq"])
            self.heard.append(monotonic() - began)
            began = monotonic()
            assert (await client.get("/health")).status_code == 200
            self.health.append(monotonic() - began)
            self.most_memory = max(self.most_memory, memory_mib(self._server))
            self.most_files = max(self.most_files, open_files(self._server))
            await asyncio.sleep(0.1)


async def talk_on(line: SocketClient, over: asyncio.Event) -> None:
    """Say long messages until it is over."""
    while not over.is_set():
        await line.ask("send", text="x" * 4_000)
        line.heard.clear()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_keeps_nobody_waiting(tmp_path: Path, name: str) -> None:
    seconds = SECONDS_OF.get(name, SECONDS)
    more = MORE_MEMORY_MIB_OF.get(name, MORE_MEMORY_MIB)
    server = Process(tmp_path, log_level="warning")
    await server.start()
    try:
        ana, bo, cy = [await server.person(person) for person in ("ana", "ben", "cleo")]
        room = {"name": "quiet", "kind": "public"}
        await server.client().post("/rooms", json=room, headers=bo.bearer)
        talk = await server.joins(ana, "general")
        for _ in range(300):
            await talk.ask("send", text="x" * 4_000)
        lines = [await server.joins(who, "quiet") for who in (bo, cy)]
        before, canary, over = memory_mib(server), Canary(server), asyncio.Event()
        meanwhile = [asyncio.create_task(canary.watch(*lines, over))]
        if name == "unread_events":
            meanwhile.append(asyncio.create_task(talk_on(talk, over)))
        else:
            await talk.hang_up()
        host, _, port = server.address.partition(":")
        attacker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.crash.floods"),
            *(name, host, port, ana.token, str(seconds)),
        )
        assert await attacker.wait() == 0
        over.set()
        await asyncio.gather(*meanwhile)
        deadline = monotonic() + REST_SECONDS
        while memory_mib(server) > before + more and monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
        after = memory_mib(server)
        print(  # noqa: T201 - the figures of the proof
            f"{name}: heard p99 {p99(canary.heard) * 1000:.0f} ms of {len(canary.heard)}, "
            f"/health at most {max(canary.health) * 1000:.0f} ms, "
            f"at most {canary.most_files} files, memory {before:.0f}, "
            f"at most {canary.most_memory:.0f}, then {after:.0f} MiB"
        )
        for line in lines:
            await line.hang_up()
    finally:
        await server.stop()
    assert p99(canary.heard) <= HEARD_P99_SECONDS
    assert max(canary.health) <= SLOWEST_HEALTH_SECONDS
    assert canary.most_memory <= before + more
    assert "Traceback" not in server.log
