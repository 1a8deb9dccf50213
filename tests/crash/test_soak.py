"""
A server under a mixed load for a long time: nothing is lost, and nothing grows without a bound.

``make test-hard ARGS="soak --minutes 120"`` runs it for so long. Memory may grow until the bounded
caches are full, which takes some 10,000 rounds; after that its slope must be flat, even at the
upper end of the confidence interval.
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
from httpx2 import AsyncClient, Limits, Response

from app.domain.limits import KEPT_PAGE_OVERHEAD_BYTES, KEPT_PAGES_BYTES, MAX_REMEMBERED_ROOMS
from app.store.sqlite_session import connect
from tests.harness.patience import until
from tests.harness.process import Login, Process
from tests.harness.watched import MIB, Footprint, Sample, slope

PEOPLE = 50
ROUNDS_PER_SECOND = float(os.environ.get("SOAK_ROUNDS_PER_SECOND", "10"))
MAX_ROUNDS_AT_ONCE = 20
"""On a machine too busy for the rate there are fewer rounds, and not more and more at once."""

SAMPLE_SECONDS = 5.0

MAX_MIB_PER_MINUTE = 0.1
"""Memory that grows faster than this, once every cache is full, has no bound."""

FAIR_MINUTES = 15.0
"""What it takes to tell, after that. A shorter run shows that nothing is lost or left open."""

WORDS = tuple("amber birch cedar delta ember flint grove heron inlet jetty".split())


class Load:
    """
    Rounds of what people do, at a steady rate.

    Whoever has made a room hands it over and leaves for good. So everyone is in few rooms, and a
    connection, which holds the rooms of its user, is as large at the end as at first.
    """

    def __init__(
        self, server: Process, people: list[Login], keeper: Login, http: AsyncClient
    ) -> None:
        self._server = server
        self._people = people
        self._keeper = keeper
        self._places = asyncio.Semaphore(MAX_ROUNDS_AT_ONCE)
        self.http = http
        self.rounds = 0
        self.page_bytes = 0
        """The size of all pages of messages that were read, each of another room."""
        self.acknowledged: dict[tuple[str, int], str] = {}
        """The text of each send and edit that was acknowledged, by room and seq."""

    async def run(self, seconds: float, rate: float) -> None:
        """Begin ``rate`` rounds a second; returns when the last one is done."""
        ends = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            while (now := time.monotonic()) < ends:
                await self._places.acquire()
                task = group.create_task(self._round(random.choice(self._people)))
                task.add_done_callback(lambda _: self._places.release())
                await asyncio.sleep(max(0.0, now + 1 / rate - time.monotonic()))

    @property
    def fills_caches(self) -> bool:
        """Whether enough was done that the largest caches, of pages and of rooms, are full."""
        pages = self.page_bytes + KEPT_PAGE_OVERHEAD_BYTES * self.rounds
        return self.rounds > MAX_REMEMBERED_ROOMS and pages > KEPT_PAGES_BYTES

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
        page = await self._calls("GET", f"/rooms/{room}/messages", who)
        self.page_bytes += len(page.content)
        await self._calls("GET", f"/search?q={word}&limit=10", who)
        members = f"/rooms/{room}/members"
        await self._calls("PUT", f"{members}/{self._keeper.name}", who, json={"role": "owner"})
        await line.ask("leave", room=room)
        await self._calls("DELETE", f"{members}/{who.name}", who)
        if random.random() < 0.5:
            await line.hang_up()
        else:
            await line.socket.connection.close()
        self.rounds += 1

    async def _calls(self, method: str, path: str, who: Login, **how: object) -> Response:
        answer: Response = await self.http.request(method, path, headers=who.bearer, **how)
        assert answer.is_success, answer.text
        return answer


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
    keeper = await server.person("keeper")
    warming: list[Sample] = []
    steady: list[Sample] = []
    began = time.monotonic()

    async def watch() -> None:
        while True:
            now = Sample((time.monotonic() - began) / 60, Footprint.of(pid).memory_bytes / MIB)
            (steady if load.fills_caches else warming).append(now)
            with (tmp_path / "memory").open("a") as file:
                file.write(f"{now.minute:.2f} {now.mib:.1f} {load.rounds}\n")
            await asyncio.sleep(SAMPLE_SECONDS)

    try:
        async with new_client(server) as http:
            load = Load(server, people, keeper, http)
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

    said = f"{load.rounds} rounds, {len(load.acknowledged)} messages; " + grown(
        warming, "at first"
    )
    growth = None
    if steady:
        growth = slope(steady)
        said += f", {grown(steady, 'with full caches')}: {growth} MiB a minute"
    report(f"{said}; descriptors, threads, tasks {baseline} before, {after} after")
    assert stored(server.database_file) == load.acknowledged
    assert after == baseline
    if minutes >= FAIR_MINUTES:
        assert growth is not None, f"the caches are not full after {load.rounds} rounds"
        assert steady[-1].minute - steady[0].minute >= FAIR_MINUTES
        assert growth.high < MAX_MIB_PER_MINUTE
    assert "Traceback" not in server.log


def grown(samples: list[Sample], when: str) -> str:
    """How much memory there was in so many minutes."""
    first, last = samples[0], samples[-1]
    minutes = last.minute - first.minute
    return f"{first.mib:.1f} to {last.mib:.1f} MiB in {minutes:.1f} minutes {when}"


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
