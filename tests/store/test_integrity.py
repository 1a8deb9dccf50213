"""SQLite's check of a whole file: at a start for a short time, after a kill to the end."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from app.config.database_url import DatabaseUrl
from app.domain.errors import Unavailable
from app.store import migrations
from app.store.errors import StoreError
from app.store.integrity import IntegrityCheck
from app.store.opening import open_database
from app.store.sqlite import SqliteDatabase
from tests.harness.databases import open_sqlite

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    where = DatabaseUrl.file(tmp_path / "p.db")
    async with open_database(where.kind, where.url, where.path, migrate=True):
        pass
    return tmp_path / "p.db"


def change(path: Path, *statements: str) -> None:
    """Execute each on a connection of its own, which reads the schema anew."""
    for sql in statements:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA writable_schema=ON")
            connection.execute(sql)


_INDEX = "name = 'ix_sessions_user_id'"
LOSE_AN_INDEX_ENTRY = (
    f"CREATE TABLE kept AS SELECT * FROM sqlite_master WHERE {_INDEX}",
    f"DELETE FROM sqlite_master WHERE {_INDEX}",
    "INSERT INTO sessions (user_id, label, created_at, last_used_at, expires_at)"
    " VALUES (1, '', 1, 1, 1)",
    "INSERT INTO sqlite_master SELECT * FROM kept",
    "DROP TABLE kept",
)


async def start(path: Path) -> None:
    where = DatabaseUrl.file(path)
    async with open_database(
        where.kind, where.url, where.path, address="http://here", migrate=False, check_seconds=30
    ) as database:
        await database.read(migrations.current)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(LOSE_AN_INDEX_ENTRY, "is damaged: ", id="index"),
        pytest.param(["UPDATE rooms SET head = 0"], "room 1 has not the events", id="head"),
        pytest.param(["UPDATE rooms SET head = 9"], "room 1 has not the events", id="head-after"),
        pytest.param(["UPDATE rooms SET first = 2"], "room 1 has not the events", id="first"),
    ],
)
async def test_a_server_does_not_start_on_a_damaged_file(
    path: Path, damage: Sequence[str], said: str
) -> None:
    change(path, *damage)

    with pytest.raises(StoreError, match=said) as caught:
        await start(path)

    assert "Restore a backup" in str(caught.value)


async def test_a_server_starts_on_a_good_file(path: Path) -> None:
    await start(path)


def many(path: Path) -> None:
    """Enough rows that a check takes a moment."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE many (a INTEGER PRIMARY KEY, b TEXT UNIQUE)")
        connection.execute(
            "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)"
            " INSERT INTO many SELECT i, hex(i) || 'text' FROM n"
        )
        connection.commit()


async def test_a_check_can_be_stopped(path: Path) -> None:
    many(path)
    check = IntegrityCheck(path)
    with pytest.raises(TimeoutError):
        await check.result(0.001)

    await check.stop()

    assert await check.result() is None


async def test_what_a_check_finds_later_makes_everything_unavailable(path: Path) -> None:
    change(path, *LOSE_AN_INDEX_ENTRY)
    database = SqliteDatabase(path)
    check = IntegrityCheck(path)
    noting = asyncio.create_task(database.note_check(check))
    await asyncio.sleep(0)
    assert database.checking
    await noting

    assert (database.checking, database.fault) == (False, "damaged")
    with pytest.raises(Unavailable):
        await database.read(migrations.current)
    await check.stop()
    await database.close()


async def test_a_good_file_is_found_good(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "p.db") as database:
        check = IntegrityCheck(tmp_path / "p.db")
        await database.note_check(check)

        assert (database.checking, database.fault) == (False, None)
        await check.stop()
