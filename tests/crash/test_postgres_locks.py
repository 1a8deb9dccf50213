"""A room that a shell or a frozen node keeps locked on PostgreSQL: the other rooms go on."""

import asyncio
import logging
import signal
import statistics
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from tests.crash.postgres_env import DATABASE, ParleyOn, Sender, violations
from tests.harness.checker import History
from tests.harness.patience import patience, until
from tests.harness.postgres_server import PostgresServer, postgres_server
from tests.harness.socket_client import SocketClient

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

log = logging.getLogger(__name__)

LOCKED = "den"
OTHERS = ("one", "two", "three")
P99_SECONDS = 0.5

# In CI: longer than a sender waits and a frozen node keeps its locks: 5 s.
SECONDS = [7, pytest.param(30, marks=pytest.mark.hard)]


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@asynccontextmanager
async def nodes(postgres: PostgresServer, *folders: Path) -> AsyncIterator[list[ParleyOn]]:
    """Nodes on one new database, with the rooms of this test."""
    url = postgres.url(DATABASE)
    started = [ParleyOn(postgres, f, url=f"{url}?application_name={f.name}") for f in folders]
    await started[0].install()
    async with AsyncExitStack() as stack:
        for node in started:
            await node.start()
            stack.push_async_callback(node.stop)
        ana = await started[0].person("ana")
        client = started[0].client()
        for room in (LOCKED, *OTHERS):
            made = await client.post(
                "/rooms", json={"name": room, "kind": "public"}, headers=ana.bearer
            )
            assert made.status_code == 201, made.text
        yield started


class Senders:
    """Senders to rooms. At the end of the block each waits for its last acknowledgement."""

    def __init__(self) -> None:
        self.history = {room: History() for room in (LOCKED, *OTHERS)}
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._sockets: list[SocketClient] = []

    async def start(self, node: ParleyOn, room: str) -> Sender:
        """Begin to send to a room, on this node."""
        socket = await node.joins(await node.person("ana"), room)
        sender = Sender(socket, self.history[room])
        self._sockets.append(socket)
        self._tasks.append(asyncio.create_task(sender.run(self._stop)))
        await until(lambda: sender.acknowledged or self._tasks[-1].done(), "the first message")
        return sender

    async def __aenter__(self) -> "Senders":
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._stop.set()
        try:
            await asyncio.gather(*self._tasks)
        finally:
            for socket in self._sockets:
                await socket.hang_up()


def p99(senders: Sequence[Sender], since: Sequence[int]) -> float:
    """The 99th percentile of the time of a reply, of those that came after ``since`` others."""
    seconds = [s for sender, n in zip(senders, since, strict=True) for s in sender.seconds[n:]]
    found = statistics.quantiles(seconds, n=100)[98]
    log.info("other rooms: %d replies, p99 %.1f ms", len(seconds), 1_000 * found)
    return found


@pytest.mark.parametrize("seconds", SECONDS)
async def test_a_row_that_a_shell_keeps_locked(
    tmp_path: Path, postgres: PostgresServer, seconds: int
) -> None:
    async with nodes(postgres, tmp_path) as [node], Senders() as senders:
        locked = await senders.start(node, LOCKED)
        others = [await senders.start(node, room) for room in OTHERS]
        with psycopg.connect(postgres.url(DATABASE)) as shell:
            shell.execute("SELECT 1 FROM rooms WHERE name = %s FOR UPDATE", [LOCKED])
            before = [len(sender.seconds) for sender in others]
            end = time.monotonic() + seconds
            ready = await ready_with_a_locked_room(node)
            await until(lambda: locked.unavailable, "the locked room's sender to give up")
            await asyncio.sleep(max(0.0, end - time.monotonic()))

            assert ready == (200, "1")
            assert p99(others, before) <= P99_SECONDS
            acknowledged = locked.acknowledged
            assert node.log.count("committer.rooms_locked") == 1
        await until(lambda: locked.acknowledged > acknowledged, "the locked room to go on")

    for room in (LOCKED, *OTHERS):
        assert violations(postgres, senders.history[room], room) == []
    assert "Traceback" not in node.log


@pytest.mark.parametrize("seconds", SECONDS)
async def test_a_node_that_is_frozen_in_a_transaction(
    tmp_path: Path, postgres: PostgresServer, seconds: int
) -> None:
    folders = tmp_path / "frozen", tmp_path / "other"
    for folder in folders:
        folder.mkdir()
    async with nodes(postgres, *folders) as [frozen, node], Senders() as senders:
        thawed = await senders.start(frozen, LOCKED)
        locked = await senders.start(node, LOCKED)
        others = [await senders.start(node, room) for room in OTHERS]
        await freeze(frozen, postgres)
        try:
            end = time.monotonic() + seconds
            before, acknowledged = [len(s.seconds) for s in others], locked.acknowledged
            await until(lambda: locked.acknowledged > acknowledged, "its locks to be released")
            await asyncio.sleep(max(0.0, end - time.monotonic()))
            assert p99(others, before) <= P99_SECONDS
        finally:
            frozen.signal(signal.SIGCONT)
        acknowledged = thawed.acknowledged
        await until(lambda: thawed.acknowledged > acknowledged, "the thawed node to go on")
        assert thawed.unavailable

    for room in (LOCKED, *OTHERS):
        assert violations(postgres, senders.history[room], room) == []
    assert "Traceback" not in frozen.log + node.log


async def ready_with_a_locked_room(node: ParleyOn) -> tuple[int, str]:
    """The status of ``/ready``, and its count of locked rooms, as soon as there is one."""
    client = node.client()
    async with patience("/ready to count a locked room"):
        while "locked_rooms" not in (response := await client.get("/ready")).json():
            pass
    return response.status_code, response.json()["locked_rooms"]


async def freeze(node: ParleyOn, postgres: PostgresServer) -> None:
    """Stop the process at a moment when it has the room locked, between two statements."""
    idle = (
        "SELECT 1 FROM pg_stat_activity JOIN pg_locks USING (pid)"
        " WHERE application_name = 'frozen' AND state = 'idle in transaction'"
        " AND mode = 'RowShareLock' LIMIT 1"
    )
    with psycopg.connect(postgres.url(), autocommit=True) as watching:
        for n in range(5_000):
            node.signal(signal.SIGSTOP)
            # What it had sent is executed by now.
            await asyncio.sleep(0.02)
            if watching.execute(idle).fetchone():
                return
            node.signal(signal.SIGCONT)
            await asyncio.sleep(0.002 + n % 13 / 2_000)
    raise AssertionError("It was never frozen in a transaction.")
