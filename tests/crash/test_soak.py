"""
A server under a mixed load for a long time: nothing is lost, and nothing grows without a bound.

``make test-hard ARGS="soak --minutes 120"`` runs it for so long.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest
from httpx2 import AsyncClient, Limits

from app.store.sqlite_session import connect
from tests.harness.patience import until
from tests.harness.process import Login, Process
from tests.harness.watched import MIB, Footprint, slope

PEOPLE = 50
ROUNDS_PER_SECOND = 10.0
SAMPLE_SECONDS = 5.0

WARM_UP = 0.4
"""
The share of the time in which memory may grow. At ten rounds a second the last cache, of pages,
is full after 25 minutes.
"""

MAX_MIB_PER_MINUTE = 0.1
"""Memory that grows faster after that has no bound."""

FAIR_MINUTES = 60.0
"""What it takes to tell. A shorter run shows only that nothing is lost or left open."""

WORDS = tuple("amber birch cedar delta ember flint grove heron inlet jetty".split())


class Load:
    """Rounds of what people do, at a steady rate."""

    def __init__(self, server: Process, people: list[Login], http: AsyncClient) -> None:
        self._server = server
        self._people = people
        self.http = http
        self.rounds = 0
        self.acknowledged: dict[tuple[str, int], str] = {}
        """The text of each send and edit that was acknowledged, by room and seq."""

    async def run(self, seconds: float, rate: float) -> None:
        """Begin ``rate`` rounds a second; returns when the last one is done."""
        ends = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            while (now := time.monotonic()) < ends:
                group.create_task(self._round(random.choice(self._people)))
                await asyncio.sleep(max(0.0, now + 1 / rate - time.monotonic()))

    async def _round(self, who: Login) -> None:
        """Connect, make a room, join, send, edit, read, search, leave."""
        room = f"soak-{uuid4().hex}"
        await self._calls("POST", "/rooms", who, json={"name": room, "kind": "public"})
        line = await self._server.connects(who)
        await line.ask("join", room=room)
        word = random.choice(WORDS)
        for number in range(3):
            text = f"{word} {number} {uuid4()}"
            ack = await line.ask("send", room=room, text=text)
            self.acknowledged[room, ack["seq"]] = text
        ack = await line.ask("edit", room=room, ref=ack["seq"], text=f"{word} edited")
        self.acknowledged[room, ack["seq"]] = f"{word} edited"
        await self._calls("GET", f"/rooms/{room}/messages", who)
        await self._calls("GET", f"/search?q={word}&limit=10", who)
        await line.ask("leave", room=room)
        if random.random() < 0.5:
            await line.hang_up()
        else:
            await line.socket.connection.close()
        self.rounds += 1

    async def _calls(self, method: str, path: str, who: Login, **how: object) -> None:
        answer = await self.http.request(method, path, headers=who.bearer, **how)
        assert answer.is_success, answer.text


def new_client(server: Process) -> AsyncClient:
    """A client that connects for each request: none is on a connection that is just ending."""
    return AsyncClient(
        base_url=f"http://{server.address}",
        limits=Limits(max_keepalive_connections=0),
        # A busy machine is no fault of the server.
        timeout=60,
    )


@pytest.mark.crash
@pytest.mark.sqlite_only
@pytest.mark.timeout(0)
@pytest.mark.parametrize(
    "minutes",
    [0.5, pytest.param(float(os.environ.get("SOAK_MINUTES", "120")), marks=pytest.mark.hard)],
)
async def test_a_mixed_load_leaves_nothing_behind(
    tmp_path: Path, minutes: float, report: Callable[[str], None]
) -> None:
    tasks_file = tmp_path / "tasks"
    server = Process(
        tmp_path,
        "tests.harness.watched",
        log_level="warning",
        access_token_minutes=1440,
        tasks_file=tasks_file,
    )
    await server.start()
    assert server.process is not None
    pid = server.process.pid

    async def at_rest() -> tuple[int, int, int]:
        """Descriptors, threads and tasks when everybody has gone."""
        before = tasks_file.read_text() if tasks_file.exists() else ""
        server.signal(signal.SIGUSR2)
        await until(lambda: tasks_file.exists() and tasks_file.read_text() != before)
        footprint = Footprint.of(pid)
        return (
            footprint.descriptors,
            footprint.threads,
            int(tasks_file.read_text().split()[-1]),
        )

    people = [await server.person(f"person-{number}") for number in range(PEOPLE)]
    samples: list[tuple[float, float]] = []
    began = time.monotonic()

    async def watch() -> None:
        while True:
            at = (time.monotonic() - began) / 60
            samples.append((at, Footprint.of(pid).memory_bytes / MIB))
            with (tmp_path / "memory").open("a") as file:
                file.write(f"{at:.2f} {samples[-1][1]:.1f}\n")
            await asyncio.sleep(SAMPLE_SECONDS)

    try:
        async with new_client(server) as http:
            load = Load(server, people, http)
            # Every thread and every connection to the database is there after this.
            await load.run(5, ROUNDS_PER_SECOND)
        baseline = await settled(at_rest)
        watching = asyncio.create_task(watch())
        async with new_client(server) as load.http:
            await load.run(minutes * 60, ROUNDS_PER_SECOND)
        watching.cancel()
        after = await settled(at_rest)
    finally:
        await server.stop()

    steady = [(at, mib) for at, mib in samples if at >= samples[-1][0] * WARM_UP]
    growth = slope(steady)
    report(
        f"{load.rounds} rounds, {len(load.acknowledged)} messages; memory {samples[0][1]:.1f} MiB"
        f" at first, {steady[0][1]:.1f} after the warm-up, {steady[-1][1]:.1f} at the end:"
        f" {growth:+.3f} MiB a minute; descriptors, threads, tasks {baseline} before,"
        f" {after} after"
    )
    assert stored(server.database_file) == load.acknowledged
    assert after == baseline
    if minutes >= FAIR_MINUTES:
        assert growth < MAX_MIB_PER_MINUTE
    assert "Traceback" not in server.log


async def settled(at_rest: Callable[[], Awaitable[tuple[int, int, int]]]) -> tuple[int, int, int]:
    """What is held when nothing has changed for a while."""
    seen = [await at_rest() for _ in range(2)]
    while any(a != b for a, b in pairwise(seen[-5:])) or len(seen) < 5:
        await asyncio.sleep(1)
        seen.append(await at_rest())
    return seen[-1]


def stored(file: Path) -> dict[tuple[str, int], str]:
    """The texts sent and edited in the rooms of the load, by room and seq."""
    with closing(connect(str(file), write=True)) as connection:
        rows = connection.execute(
            "SELECT r.name, e.id & 0xffffffff, e.text FROM events e"
            " JOIN rooms r ON r.id = e.room_id"
            " WHERE r.name LIKE 'soak-%' AND e.type IN ('message.created', 'message.edited')"
        )
        return {(room, seq): text for room, seq, text in rows}
