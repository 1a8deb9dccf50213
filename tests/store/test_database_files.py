"""The files of an open database: deleted, moved or replaced while they are in use."""

import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.domain.errors import Unavailable
from app.store.database import DbConnection
from app.store.database_files import DatabaseFiles
from app.store.errors import StoreError
from app.store.sqlite import SqliteDatabase
from app.store.sqlite_connection import SqliteConnection
from tests.harness.databases import open_sqlite

pytestmark = pytest.mark.sqlite_only


def note(text: str) -> Callable[[DbConnection], None]:
    def insert(connection: DbConnection) -> None:
        connection.run("INSERT INTO meta VALUES (:text, 'noted')", {"text": text})

    return insert


def count(connection: DbConnection) -> int:
    [[found]] = connection.rows("SELECT count(*) FROM meta WHERE value = 'noted'", {})
    return int(found)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "p.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    async with open_sqlite(path) as opened:
        yield opened


def side(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def move(path: Path) -> None:
    path.rename(side(path, ".old"))


def move_back(path: Path) -> None:
    side(path, ".old").rename(path)


def delete(path: Path) -> None:
    path.unlink()


def lead(link: Path, target: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def replace(path: Path) -> None:
    shutil.copyfile(path, side(path, ".copy"))
    side(path, ".copy").rename(path)


def swap_folder(path: Path) -> None:
    shutil.copytree(path.parent, path.parent.with_name("copy"))
    path.parent.rename(path.parent.with_name("old"))
    path.parent.with_name("copy").rename(path.parent)


GONE: dict[str, Callable[[Path], object]] = {
    "deleted": delete,
    "moved": move,
    "replaced": replace,
    "WAL deleted": lambda path: side(path, "-wal").unlink(),
    "WAL replaced": lambda path: replace(side(path, "-wal")),
    "folder deleted": lambda path: shutil.rmtree(path.parent),
    "folder moved": lambda path: path.parent.rename(path.parent.with_name("old")),
    "folder replaced": swap_folder,
    "a folder at its path": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("accident", GONE.values(), ids=[name.replace(" ", "-") for name in GONE])
async def test_nothing_is_acknowledged_that_the_next_start_would_not_find(
    database: SqliteDatabase, path: Path, accident: Callable[[Path], object]
) -> None:
    await database.write(note("before"))
    assert database.fault is None
    accident(path)

    with pytest.raises(Unavailable):
        await database.write(note("after"))

    assert database.fault == "replaced"
    assert await database.read(count) == 1, "reading goes on"


async def test_a_file_that_is_deleted_during_the_commit_is_noticed(
    database: SqliteDatabase, path: Path
) -> None:
    def delete_at_commit(sql: str) -> None:
        if sql == "COMMIT":
            path.unlink()

    def work(connection: DbConnection) -> None:
        assert isinstance(connection, SqliteConnection)
        connection.driver.set_trace_callback(delete_at_commit)

    with pytest.raises(Unavailable):
        await database.write(work)


async def test_without_writes_it_is_noticed_too(database: SqliteDatabase, path: Path) -> None:
    delete(side(path, "-shm"))

    database.check_files()

    assert database.fault == "replaced"


async def test_once_the_file_is_back_writing_goes_on(database: SqliteDatabase, path: Path) -> None:
    move(path)
    with pytest.raises(Unavailable):
        await database.write(note("away"))
    move_back(path)

    await database.write(note("back"))

    assert database.fault is None
    assert await database.read(count) == 1


async def test_it_is_one_line_in_the_log(
    database: SqliteDatabase, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    delete(path)
    for _ in range(20):
        database.check_files()
        with pytest.raises(Unavailable):
            await database.write(note("x"))

    assert [record.message for record in caplog.records] == ["database.replaced"]


async def test_a_link_that_leads_elsewhere_is_noticed(tmp_path: Path, path: Path) -> None:
    async with open_sqlite(path):
        pass
    link = tmp_path / "link.db"
    lead(link, path)
    database = SqliteDatabase(link)
    await database.write(note("by the link"))
    shutil.copyfile(path, tmp_path / "other.db")
    lead(link, tmp_path / "other.db")

    with pytest.raises(Unavailable):
        await database.write(note("x"))
    await database.close()


async def test_a_link_and_a_second_name_of_the_same_file_are_fine(
    database: SqliteDatabase, tmp_path: Path, path: Path
) -> None:
    os.link(path, tmp_path / "second.db")
    lead(path, tmp_path / "second.db")

    await database.write(note("same file"))

    assert database.fault is None


def test_a_file_that_is_not_open_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE notes (text)")
        path.rename(side(path, ".old"))
        shutil.copyfile(side(path, ".old"), path)

        with pytest.raises(StoreError, match=r"p\.db was deleted or replaced while it was being"):
            DatabaseFiles(path)


async def test_the_size_of_the_write_ahead_log_is_known(path: Path) -> None:
    async with open_sqlite(path) as database:
        before = database.load.wal_bytes
        await database.write(note("one"))

        assert before is not None
        assert database.load.wal_bytes == path.with_name("p.db-wal").stat().st_size > before


async def test_a_database_in_memory_has_no_write_ahead_log() -> None:
    async with open_sqlite() as database:
        assert database.load.wal_bytes is None
