"""A damaged file: what needs the damaged part is unavailable, and it is said once."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.domain.errors import Unavailable
from app.store.damage import Damaged, damage
from app.store.database import DbConnection
from app.store.sqlite import SqliteDatabase
from tests.harness.databases import open_sqlite

pytestmark = pytest.mark.sqlite_only

PAGE = 4_096


def run(sql: str) -> object:
    return lambda connection: connection.rows(sql, {})


def spoil(path: Path) -> None:
    """Overwrite a page of the audit table, which has many."""
    with closing(sqlite3.connect(path)) as connection:
        row = "INSERT INTO audit (at, action, target) VALUES (1, 'x', zeroblob(3000))"
        for _ in range(20):
            connection.execute(row)
        connection.commit()
        [root] = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'audit'"
        ).fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(bytes(PAGE))


@pytest.fixture
async def damaged(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    async with open_sqlite(tmp_path / "p.db"):
        pass
    spoil(tmp_path / "p.db")
    database = SqliteDatabase(tmp_path / "p.db")
    yield database
    await database.close()


async def test_what_needs_the_damaged_part_is_unavailable(damaged: SqliteDatabase) -> None:
    assert await damaged.read(run("SELECT count(*) FROM users")) == [(0,)]
    assert damaged.fault is None

    for _ in range(2):
        with pytest.raises(Unavailable):
            await damaged.read(run("SELECT count(*) FROM audit"))

    assert damaged.fault == "damaged"
    assert await damaged.read(run("SELECT count(*) FROM users")) == [(0,)]


async def test_nothing_is_written_to_a_file_whose_structure_is_damaged(
    damaged: SqliteDatabase,
) -> None:
    insert = run("INSERT INTO meta VALUES ('a', 'b')")
    with pytest.raises(Unavailable):
        await damaged.read(run("SELECT count(*) FROM audit"))

    with pytest.raises(Unavailable):
        await damaged.write(insert)


async def test_it_is_one_line_in_the_log(
    damaged: SqliteDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        with pytest.raises(Unavailable):
            await damaged.read(run("SELECT count(*) FROM audit"))
        with pytest.raises(Unavailable):
            await damaged.write(run("DELETE FROM audit"))

    assert [record.message for record in caplog.records] == ["database.damaged"]
    assert caplog.records[0].__dict__["error"] == "database disk image is malformed"


async def test_a_damaged_row_leaves_the_others_writable(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "p.db") as database:

        def read(_: DbConnection) -> None:
            raise Damaged("room 1, event 2: its checksum is wrong")

        with pytest.raises(Unavailable):
            await database.read(read)

        assert database.fault == "damaged"
        await database.write(run("INSERT INTO meta VALUES ('a', 'b')"))


async def test_text_that_is_not_utf8_is_damage_and_is_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_sqlite(tmp_path / "p.db") as database:
        await database.write(run("INSERT INTO meta VALUES ('a', CAST(x'736573616d65ff' AS TEXT))"))
        with pytest.raises(Unavailable):
            await database.read(run("SELECT value FROM meta WHERE key = 'a'"))

    assert database.fault == "damaged"
    assert caplog.records[0].__dict__["error"] == "Could not decode to UTF-8 column 'value'"


@pytest.mark.parametrize(
    ("code", "in_structure"),
    [
        (sqlite3.SQLITE_CORRUPT, True),
        (sqlite3.SQLITE_CORRUPT_INDEX, True),
        (sqlite3.SQLITE_NOTADB, True),
        (sqlite3.SQLITE_CORRUPT_VTAB, False),
    ],
)
def test_the_search_index_is_not_the_structure(code: int, in_structure: bool) -> None:
    error = sqlite3.DatabaseError("malformed")
    error.sqlite_errorcode = code

    for reported in (error, sa.exc.DatabaseError("SELECT", {}, error)):
        found = damage(reported)
        assert found is not None
        assert found.in_structure is in_structure


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("database is locked"),
        sqlite3.IntegrityError("UNIQUE constraint failed: users.username"),
        ValueError("database disk image is malformed"),
    ],
)
def test_other_errors_are_no_damage(error: Exception) -> None:
    assert damage(error) is None
