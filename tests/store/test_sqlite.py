"""SQLite: one writer, readers on snapshots, and durability."""

import asyncio
import os
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.errors import Unavailable
from app.store.sqlite import SqliteDatabase
from app.store.sqlite_session import connect, require_full_sync
from tests.harness.databases import open_sqlite
from tests.harness.patience import patience, turns

pytestmark = pytest.mark.sqlite_only

MAKE = "CREATE TABLE notes (n INTEGER PRIMARY KEY, text TEXT)"


def run(sql: str, **parameters: Any) -> Any:
    return lambda connection: connection.execute(sa.text(sql), parameters)


def scalar(sql: str) -> Any:
    return lambda connection: connection.execute(sa.text(sql)).scalar_one()


@pytest.fixture(params=["memory", "file"])
async def notes(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    database = SqliteDatabase(None if request.param == "memory" else tmp_path / "notes.db")
    await database.write(run(MAKE))
    yield database
    await database.close()


async def test_what_is_written_is_read(notes: SqliteDatabase) -> None:
    await notes.write(run("INSERT INTO notes VALUES (1, 'hi')"))

    assert await notes.read(scalar("SELECT text FROM notes")) == "hi"


async def test_work_that_fails_is_rolled_back(notes: SqliteDatabase) -> None:
    def fails(connection: sa.Connection) -> None:
        connection.execute(sa.text("INSERT INTO notes VALUES (1, 'hi')"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await notes.write(fails)

    assert await notes.read(scalar("SELECT count(*) FROM notes")) == 0
    await notes.write(run("INSERT INTO notes VALUES (1, 'ho')"))


async def test_reads_can_not_write(notes: SqliteDatabase) -> None:
    with pytest.raises(Unavailable):
        await notes.read(run("INSERT INTO notes VALUES (1, 'hi')"))


async def test_every_connection_syncs_to_the_disk_and_checks_its_keys(
    notes: SqliteDatabase,
) -> None:
    for ask in (notes.read, notes.write):
        assert await ask(scalar("PRAGMA synchronous")) == 2
        assert await ask(scalar("PRAGMA foreign_keys")) == 1
        assert await ask(scalar("PRAGMA trusted_schema")) == 0


def test_a_connection_that_would_not_sync_is_refused(tmp_path: Path) -> None:
    with closing(connect(str(tmp_path / "x.db"), write=True)) as connection:
        require_full_sync(connection)
        connection.execute("PRAGMA synchronous=NORMAL")
        with pytest.raises(RuntimeError, match="synchronous=FULL"):
            require_full_sync(connection)


async def test_a_cancelled_writer_leaves_no_lock(notes: SqliteDatabase) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow(connection: sa.Connection) -> None:
        connection.execute(sa.text("INSERT INTO notes VALUES (1, 'hi')"))
        started.set()
        assert go_on.wait(10)

    writing = asyncio.create_task(notes.write(slow))
    await asyncio.to_thread(started.wait)
    writing.cancel()
    await asyncio.wait([writing])
    go_on.set()

    async with patience("another write", 3):
        await notes.write(run("INSERT INTO notes VALUES (2, 'ho')"))
    assert await notes.read(scalar("SELECT count(*) FROM notes")) == 2, "it ran to its end"


async def test_many_cancelled_calls_leave_no_lock(notes: SqliteDatabase) -> None:
    for storm in range(20):
        calls = [
            asyncio.create_task(notes.write(run("INSERT INTO notes (text) VALUES ('x')")))
            for _ in range(10)
        ] + [asyncio.create_task(notes.read(scalar("SELECT count(*) FROM notes"))) for _ in "abc"]
        await turns(storm % 5)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    async with patience("another write", 3):
        await notes.write(run("INSERT INTO notes (text) VALUES ('after')"))


async def test_a_read_is_a_snapshot(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "p.db") as database:
        await database.write(run(MAKE))
        begun, go_on = threading.Event(), threading.Event()

        def twice(connection: sa.Connection) -> tuple[int, int]:
            count = scalar("SELECT count(*) FROM notes")
            before = count(connection)
            begun.set()
            assert go_on.wait(10)
            return before, count(connection)

        reading = asyncio.create_task(database.read(twice))
        await asyncio.to_thread(begun.wait)
        await database.write(run("INSERT INTO notes VALUES (1, 'hi')"))
        go_on.set()

        assert await reading == (0, 0)
        assert await database.read(scalar("SELECT count(*) FROM notes")) == 1


async def test_a_lock_of_another_program_is_unavailable_until_released(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "p.db", busy_ms=20)
    with closing(connect(str(tmp_path / "p.db"), write=True)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await database.write(run(MAKE))
        other.execute("ROLLBACK")

    await database.write(run(MAKE))
    await database.close()


async def test_all_who_wait_for_a_lock_are_answered_in_the_same_time(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "p.db", busy_ms=300)
    await database.write(run(MAKE))
    with closing(connect(str(tmp_path / "p.db"), write=True)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        writes = [database.write(run("INSERT INTO notes (text) VALUES ('x')")) for _ in range(50)]
        results = await asyncio.gather(*writes, return_exceptions=True)
        seconds = time.monotonic() - began
        other.execute("ROLLBACK")

    assert all(isinstance(result, Unavailable) for result in results)
    # One after the other they would take 15 seconds.
    assert seconds < 5
    await database.write(run("INSERT INTO notes VALUES (1, 'hi')"))
    assert await database.write(scalar("PRAGMA busy_timeout")) == 300, "who comes later waits anew"
    await database.close()


async def test_an_append_waits_for_a_lock_since_it_was_queued(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "p.db", busy_ms=60_000)
    with closing(connect(str(tmp_path / "p.db"), write=True)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with patience("an answer"):
            with pytest.raises(Unavailable):
                await database.write_log(run(MAKE), waiting_since=time.monotonic() - 60)
    await database.close()


async def test_a_full_disk_is_unavailable_until_there_is_space(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "p.db") as database:
        await database.write(run(MAKE))
        pages = await database.write(scalar("PRAGMA page_count"))
        await database.write(scalar(f"PRAGMA max_page_count={pages + 1}"))
        with pytest.raises(Unavailable):
            await database.write(run("INSERT INTO notes VALUES (1, :text)", text="x" * 100_000))
        assert await database.read(scalar("SELECT count(*) FROM notes")) == 0
        await database.write(scalar("PRAGMA max_page_count=1000000"))

        await database.write(run("INSERT INTO notes VALUES (1, :text)", text="x" * 100_000))


async def test_closing_leaves_one_whole_file(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "p.db") as database:
        await database.write(run(MAKE))
        await database.read(scalar("SELECT count(*) FROM notes"))

    assert os.listdir(tmp_path) == ["p.db"]


async def test_two_databases_in_memory_share_nothing() -> None:
    async with open_sqlite() as one, open_sqlite() as two:
        await one.write(run(MAKE))
        with pytest.raises(Unavailable):
            await two.read(scalar("SELECT count(*) FROM notes"))


async def test_a_closed_database_is_unavailable(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "notes.db")
    await database.close()

    for ask in (database.read, database.write):
        async with patience("an answer"):
            with pytest.raises(Unavailable):
                await ask(scalar("SELECT 1"))
