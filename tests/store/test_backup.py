"""Backups: complete, of one moment, another history, and never over an existing file."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.config.database_url import DatabaseUrl
from app.domain.appends import CreateRoom
from app.domain.ids import Millis, RoomId
from app.domain.roles import Kind
from app.services.log.batch_transaction import commit
from app.store import epoch
from app.store.backup import back_up
from app.store.checking import check
from app.store.database import Database
from app.store.errors import StoreError
from app.store.offline import read_offline
from app.store.opening import open_database

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "parley.db"


@pytest.fixture
async def database(source: Path) -> AsyncIterator[Database]:
    where = DatabaseUrl.file(source)
    async with open_database(where.kind, where.url, where.path, migrate=True) as opened:
        yield opened


async def _install(source: Path) -> None:
    where = DatabaseUrl.file(source)
    async with open_database(where.kind, where.url, where.path, migrate=True):
        pass


async def _make_room(database: Database, name: str) -> None:
    append = CreateRoom(
        room=RoomId(0), by=None, at=Millis(1), name=name, title=name, kind=Kind.PUBLIC
    )
    await database.write(lambda connection: commit(connection, [append]))


async def test_a_backup_is_complete_and_another_history(
    database: Database, source: Path, tmp_path: Path
) -> None:
    await _make_room(database, "kitchen")
    target = tmp_path / "copy.db"

    size = back_up(source, target)

    where = DatabaseUrl.file(target)
    assert target.stat().st_size == size
    assert target.stat().st_mode & 0o777 == 0o600
    report = await read_offline(where.url, target, check)
    assert (report.rooms, report.findings) == (2, [])
    assert await read_offline(where.url, target, epoch.read) != await database.read(epoch.read)


async def test_a_backup_is_of_one_moment_during_writes(
    database: Database, source: Path, tmp_path: Path
) -> None:
    copies = [tmp_path / f"copy-{n}.db" for n in range(5)]

    async def write() -> None:
        for n in range(300):
            await _make_room(database, f"room-{n}")

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        for copy in copies:
            await asyncio.to_thread(back_up, source, copy)

    seen = []
    for copy in copies:
        report = await read_offline(DatabaseUrl.file(copy).url, copy, check)
        assert report.findings == []
        seen.append(report.rooms)
    assert seen == sorted(seen)
    assert (await database.read(check)).rooms == 301


async def test_a_backup_can_be_opened_and_written_to(
    database: Database, source: Path, tmp_path: Path
) -> None:
    back_up(source, tmp_path / "copy.db")

    where = DatabaseUrl.file(tmp_path / "copy.db")
    async with open_database(where.kind, where.url, where.path, migrate=False) as copy:
        await _make_room(copy, "kitchen")
        assert (await copy.read(check)).rooms == 2


def test_a_backup_does_not_change_the_original(source: Path, tmp_path: Path) -> None:
    asyncio.run(_install(source))
    before = source.read_bytes()

    back_up(source, tmp_path / "copy.db")

    assert source.read_bytes() == before


@pytest.mark.parametrize("kind", ["file", "directory", "dangling link"])
async def test_a_backup_replaces_no_file(
    database: Database, source: Path, tmp_path: Path, kind: str
) -> None:
    target = tmp_path / "copy.db"
    if kind == "file":
        target.write_text("the last backup")
    elif kind == "directory":
        target.mkdir()
    else:
        target.symlink_to(tmp_path / "nowhere")

    with pytest.raises(StoreError, match="new file"):
        back_up(source, target)

    assert kind != "file" or target.read_text() == "the last backup"
    assert [name for name in os.listdir(tmp_path) if name.endswith(".part")] == []


async def test_a_file_that_appears_meanwhile_is_not_replaced(
    database: Database, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "copy.db"
    link = os.link

    def create_and_link(draft: Path, name: Path) -> None:
        name.write_text("theirs")
        link(draft, name)

    monkeypatch.setattr(os, "link", create_and_link)

    with pytest.raises(StoreError, match="exists already"):
        back_up(source, target)

    assert target.read_text() == "theirs"


async def test_a_file_system_without_links_is_supported(
    database: Database, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(_from: Path, _to: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)

    assert back_up(source, tmp_path / "copy.db") > 0
    assert (tmp_path / "copy.db").exists()


def test_a_missing_database_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no database at"):
        back_up(tmp_path / "parley.db", tmp_path / "copy.db")

    assert os.listdir(tmp_path) == []


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "theirs.db")
    connection.execute("CREATE TABLE letters (x)")
    connection.close()

    with pytest.raises(StoreError, match="not a Parley database"):
        back_up(tmp_path / "theirs.db", tmp_path / "copy.db")

    assert os.listdir(tmp_path) == ["theirs.db"]


def test_a_file_that_is_not_a_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_bytes(b"not a database " * 100)

    with pytest.raises(StoreError, match="not a database"):
        back_up(tmp_path / "text.db", tmp_path / "copy.db")
