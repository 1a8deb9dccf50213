"""
A server whose database is moved while people talk: nothing is lost or said twice.

Clients reconnect once, to the server on the new database, and go on with their cursors.
"""

import asyncio
import json
import os
import sqlite3
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import pytest

from app.config.database_url import DatabaseUrl
from app.store.digests import Digests, digests
from app.store.offline import read_offline
from bench.dataset import Dataset, Room
from bench.fixtures import fill
from tests.crash.moving_env import ROOM, Client, Moving
from tests.harness import databases
from tests.harness.checker import History, Stored
from tests.harness.databases import postgres_database
from tests.harness.patience import until
from tests.harness.process import Login, Process

pytestmark = [pytest.mark.crash, pytest.mark.timeout(1_800)]

OLD_ROOMS = 5

_DIRECTIONS = ["to PostgreSQL", "from PostgreSQL"] if databases.POSTGRES else ["SQLite"]
_EVENTS = int(os.environ.get("MOVED_EVENTS", "1000000"))
# What a slow machine needs for all of it.
_MOVE_SECONDS = 1_500.0


@pytest.mark.parametrize("direction", _DIRECTIONS)
@pytest.mark.parametrize(
    ("events", "clients"),
    [
        pytest.param(3_000, 10, id="quick"),
        pytest.param(_EVENTS, 50, id="large", marks=pytest.mark.hard),
    ],
)
async def test_nothing_is_lost_while_a_server_is_moved(
    events: int,
    clients: int,
    direction: str,
    target: str,
    address: str,
    tmp_path: Path,
    report: Callable[[str], None],
) -> None:
    source = await _filled(tmp_path, events, address if direction == "from PostgreSQL" else "")
    folders = tmp_path / "old", tmp_path / "new"
    for folder in folders:
        folder.mkdir()
    moving = Moving(
        Process(folders[0], database_url=source), Process(folders[1], database_url=target)
    )
    history = History()
    try:
        await moving.old.start()
        logins = [await moving.old.person(f"talker{number}") for number in range(clients)]
        talkers = [Client(moving, who, history) for who in logins]
        async with _talking(talkers):
            await _all_have_said(talkers, 8)
            began = time.monotonic()
            code, out, err = await _move(moving.old, target)
            ended = time.monotonic()
            assert code == 0, (out, err, moving.old.log)
            assert await moving.old.ended(60) == 0
            await moving.new.start()
            moving.serving.set()
            said = [len(talker.seconds) for talker in talkers]
            await _all_have_said(talkers, 4, since=said)
            moving.stop.set()
        head, numbers, stored = await _log(moving.new, logins[0])
        await asyncio.gather(*(talker.catch_up(head) for talker in talkers))
    finally:
        moving.stop.set()
        await moving.old.stop()
        await moving.new.stop()

    assert history.violations(stored, head, numbers) == []
    assert {talker.connections for talker in talkers} == {2}
    assert len(set.union(*(talker.epochs for talker in talkers))) == 1
    assert "was moved to" in await _refusal(moving.old)
    rooms = {p: d for p, d in (await _digests(target)).items() if p.room > 1}
    assert rooms == {p: d for p, d in (await _digests(source)).items() if p.room > 1}
    report(_figures(direction, events, talkers, began, ended, out))


def _figures(
    direction: str, events: int, talkers: list[Client], began: float, ended: float, out: str
) -> str:
    sends = [send for talker in talkers for send in talker.seconds]
    before = [seconds for at, seconds in sends if at + seconds < began]
    during = [seconds for at, seconds in sends if began <= at and at + seconds < ended]
    return (
        f"{events:,} events {direction}, {len(talkers)} clients: {ended - began:.0f} s, "
        f"{sum(len(t.seconds) for t in talkers):,} messages acknowledged, 0 lost, 0 doubled, "
        f"{sum(t.refused for t in talkers)} refused for a moment; sends before it p50 "
        f"{_percentile(before, 50):.1f} ms, p99 {_percentile(before, 99):.1f} ms, during it p50 "
        f"{_percentile(during, 50):.1f} ms, p99 {_percentile(during, 99):.1f} ms. {out}"
    )


def _percentile(seconds: list[float], percent: int) -> float:
    return statistics.quantiles(seconds, n=100)[percent - 1] * 1_000 if seconds[1:] else 0.0


@asynccontextmanager
async def _talking(talkers: list[Client]) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        for talker in talkers:
            group.create_task(talker.run())
        yield


async def _all_have_said(
    talkers: list[Client], count: int, since: list[int] | None = None
) -> None:
    wanted = [before + count for before in since or [0] * len(talkers)]
    for talker, number in zip(talkers, wanted, strict=True):
        await until(partial(_has_said, talker, number), "a client to talk", 300.0)


def _has_said(talker: Client, number: int) -> bool:
    return len(talker.seconds) >= number


async def _filled(folder: Path, events: int, postgres: str) -> str:
    """An installation with old messages in rooms that no one is in, in a file or in PostgreSQL."""
    file = folder / "old.db"
    rooms = tuple(Room(f"old{number}", 10, events // OLD_ROOMS) for number in range(OLD_ROOMS))
    fill(file, Dataset(rooms))
    # Marks of the dataset in the search index, which are none of its messages.
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("DELETE FROM search_documents")
    url = f"sqlite:///{file}"
    if not postgres:
        return url
    server = Process(folder, database_url=url)
    code, out, err = await _move(server, postgres)
    assert code == 0, (out, err)
    return postgres


async def _move(server: Process, target: str) -> tuple[int, str, str]:
    """Run ``parley move`` with the settings of a server."""
    port = server.address.rpartition(":")[2] or "1"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "move", "--to", target),
        cwd=Path(__file__).parents[2],
        env={**server._environment, "PORT": port},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(_MOVE_SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def _refusal(server: Process) -> str:
    """What the source says when it is started again."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "serve", "--port", "0"),
        cwd=Path(__file__).parents[2],
        env=server._environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 1
    return err.decode()


async def _log(server: Process, who: Login) -> tuple[int, list[int], list[Stored]]:
    """The head of the room, the seqs of its events, and its messages."""
    async with server.client() as http:
        answer = await http.get(
            f"/rooms/{ROOM}/events",
            headers={**who.bearer, "Accept": "application/x-ndjson"},
            timeout=60,
        )
    events = [json.loads(line) for line in answer.text.splitlines()]
    stored = [
        # Each text ends with the id that it was sent with.
        Stored(e["seq"], e["by"], e["text"], e["text"].rpartition(" ")[2])
        for e in events
        if e["type"] == "message.created"
    ]
    return events[-1]["seq"], [e["seq"] for e in events], stored


async def _digests(url: str) -> Digests:
    where = DatabaseUrl.parse(url)
    work = partial(digests, page_rows=2_000)
    return await asyncio.to_thread(lambda: asyncio.run(read_offline(where.url, where.path, work)))


@pytest.fixture
def address() -> Iterator[str]:
    """The address of an empty PostgreSQL database; empty: the tests use SQLite."""
    if not databases.POSTGRES:
        yield ""
        return
    with postgres_database(migrated=False) as url:
        yield url


@pytest.fixture
def target(direction: str, address: str, tmp_path: Path) -> str:
    """Where to move to."""
    return address if direction == "to PostgreSQL" else f"sqlite:///{tmp_path / 'moved.db'}"
