"""
The power goes at every moment: what anyone was told is on the disk.

A library that is preloaded (``write_log.c``) logs what a server writes, syncs and says; the disks
that a power loss may leave are made of this log (``power_loss.py``), and each is opened.
"""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import cycle
from pathlib import Path
from random import Random

import pytest

from app.config.database_url import DatabaseUrl
from app.store.checking import check
from app.store.opening import open_database
from app.store.sqlite_session import connect
from tests.crash.power_loss import (
    WAL,
    Chosen,
    Record,
    SimulatedDisk,
    none,
    read_log,
    some,
    torn,
)
from tests.harness.process import Process
from tests.harness.socket_client import together

pytestmark = [
    pytest.mark.crash,
    pytest.mark.sqlite_only,
    pytest.mark.timeout(1_800),
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler"),
]

SOURCE = Path(__file__).with_name("write_log.c")
MEMORY = Path("/dev/shm")
HOW: tuple[Chosen, ...] = (none, some, torn)
# Of the disks, one of so many is compared row by row, too.
CHECKED_WHOLLY = 100


@pytest.fixture
def folder() -> Iterator[Path]:
    """For the simulated disks: thousands, each of some megabytes."""
    where = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=where) as path:
        yield Path(path)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """What is preloaded."""
    library = tmp_path / "write_log.so"
    command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    return library


async def recorded(tmp_path: Path, library: Path, rounds: int) -> list[Record]:
    """Have people write, and restart the server in between; return what happened."""
    server = Process(
        tmp_path,
        log_level="warning",
        ld_preload=library,
        write_log_database=tmp_path / "data" / "parley.db",
        write_log=tmp_path / "log",
    )
    for _ in range(2):
        await server.start()
        people = [await server.person(name) for name in ("ana", "bob", "cyd", "dan")]
        clients = [await server.joins(who, "general") for who in people]
        for number in range(rounds):
            acks = await together(*(c.ask("send", text=f"hello {number}") for c in clients))
            seqs = [ack["seq"] for ack in acks]
            await clients[0].ask("edit", ref=seqs[0], text=f"bye {number}")
            await clients[1].ask("react", ref=seqs[0], emoji="👍", on=True)
            await clients[2].ask("delete", ref=seqs[2])
        for client in clients:
            await client.hang_up()
        await server.stop()
    assert "Traceback" not in server.log
    return list(read_log(tmp_path / "log"))


def what_is_wrong(database: Path, told: int) -> str | None:
    """What a disk lacks, or has too much of."""
    try:
        with closing(connect(str(database), write=True)) as connection:
            [(verdict,)] = connection.execute("PRAGMA integrity_check(1)")
            [(count, last)] = connection.execute(
                "SELECT count(*), coalesce(max(id & 0xffffffff), 0) FROM events WHERE room_id = 1"
            )
            [(head,)] = connection.execute("SELECT head FROM rooms WHERE id = 1")
    except (sqlite3.DatabaseError, ValueError):  # of a disk without the room: no row
        return "corrupt"
    if verdict != "ok":
        return "corrupt"
    if not count == last == head:
        return "with a gap"
    return "lost" if last < told else None


async def rows_are_right(database: Path) -> bool:
    """Start on it as a server does, and run ``parley check``."""
    where = DatabaseUrl.file(database)
    async with open_database(where.kind, where.url, database, migrate=True) as opened:
        return (await opened.read(check)).findings == []


async def points(
    records: list[Record], folder: Path, count: int, disk: SimulatedDisk
) -> Counter[str | None]:
    """Lose the power about ``count`` times, and count what was wrong."""
    rng, found, kinds = Random(1), Counter[str | None](), cycle(HOW)
    first = next(i for i, r in enumerate(records) if r.kind == b"n" and b'"seq":' in r.data)
    moments = sum(record.kind != b"n" for record in records[first:])
    each = max(1, -(-count // moments))
    due = 0.0
    for record in records:
        disk.apply(record)
        if record.kind == b"n" or disk.told == 0:
            continue
        due += count / moments
        if due < each:
            continue
        due -= each
        for _ in range(each):
            database = disk.lose_power(folder, next(kinds), rng)
            wrong = what_is_wrong(database, disk.told)
            if wrong is None and found.total() % CHECKED_WHOLLY == 0:
                wrong = None if await rows_are_right(database) else "wrong rows"
            found[wrong] += 1
    return found


@pytest.mark.parametrize(
    ("rounds", "count"), [(10, 300), pytest.param(200, 10_500, marks=pytest.mark.hard)]
)
async def test_what_was_told_survives_a_power_loss(
    tmp_path: Path,
    library: Path,
    folder: Path,
    rounds: int,
    count: int,
    report: Callable[[str], None],
) -> None:
    records = await recorded(tmp_path, library, rounds)
    kinds = Counter(record.kind for record in records)
    assert kinds[b"s"] > rounds
    assert kinds[b"n"] > rounds

    found = await points(records, folder, count, SimulatedDisk())
    # A disk that forgets what was synced to the WAL: SQLite promises nothing on it, so that the
    # losses show that they are found.
    forgetful = SimulatedDisk(syncs=lambda file: file != WAL)
    forgotten = await points(records, folder, count // 10, forgetful)

    report(
        f"{found.total()} points of {kinds[b'w']} writes and {kinds[b's']} syncs,"
        f" {found.total() - found[None]} with a loss; without the syncs of the WAL"
        f" {forgotten.total() - forgotten[None]} of {forgotten.total()}"
    )
    assert found == {None: found.total()}
    assert found.total() > count * 0.95
    assert forgotten["lost"] > forgotten.total() / 2
