"""A ``-wal`` that a killed process has left: whole and of this database, or it is refused."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.config.database_url import DatabaseUrl
from app.store import epoch, leftover_wal
from app.store.backup import back_up
from app.store.database import DbConnection
from app.store.errors import StoreError
from app.store.opening import open_database
from tests.harness.patience import until

pytestmark = pytest.mark.sqlite_only

NOTES = 12
FRAME = 24 + 4096


def insert(number: int) -> object:
    def work(connection: DbConnection) -> None:
        connection.run("INSERT INTO meta VALUES (:key, 'noted')", {"key": f"note {number}"})

    return work


def count(connection: DbConnection) -> int:
    [[found]] = connection.rows("SELECT count(*) FROM meta WHERE value = 'noted'", {})
    return int(found)


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def kill(path: Path, crashed: Path, epochs: list[str]) -> None:
    """Leave at ``crashed`` what is on disk when the process that has ``path`` open is killed."""
    crashed.parent.mkdir()
    for suffix in ("", "-wal"):
        shutil.copyfile(beside(path, suffix), beside(crashed, suffix))
    note = leftover_wal.note(crashed, epochs)
    beside(crashed, ".lock").write_text(json.dumps({"pid": 1, "url": None, "left": note}))


def lose(path: Path, how: str) -> None:
    path.unlink()
    if how == "empty":
        path.touch()


def give_another_page_size(path: Path) -> None:
    with closing(sqlite3.connect(beside(path, ".other"))) as other:
        other.execute("PRAGMA page_size=8192")
        other.execute("CREATE TABLE t (a)")
    beside(path, ".other").rename(path)


@pytest.fixture
async def crashed(tmp_path: Path) -> Path:
    """A database that holds everything up to its migration; its -wal holds the notes."""
    path, crashed = tmp_path / "data" / "p.db", tmp_path / "crashed" / "p.db"
    where = DatabaseUrl.file(path)
    async with open_database(where.kind, where.url, path, migrate=True):
        pass
    async with open_database(where.kind, where.url, path, migrate=False) as database:
        for number in range(NOTES):
            await database.write(insert(number))
        kill(path, crashed, [await database.read(epoch.read)])
    return crashed


async def notes_in(path: Path) -> int:
    where = DatabaseUrl.file(path)
    async with open_database(where.kind, where.url, path, migrate=False, wait=0) as database:
        return await database.read(count)


async def refusal(path: Path) -> str:
    with pytest.raises(StoreError) as caught:
        await notes_in(path)
    return str(caught.value)


async def test_what_a_killed_process_has_committed_is_there(crashed: Path) -> None:
    assert await notes_in(crashed) == NOTES
    assert beside(crashed, ".lock").read_bytes() == b"", "it has ended cleanly"


async def test_a_database_may_move_with_its_wal(crashed: Path, tmp_path: Path) -> None:
    shutil.copytree(crashed.parent, tmp_path / "elsewhere")

    assert await notes_in(tmp_path / "elsewhere" / "p.db") == NOTES


async def test_a_backup_beside_the_old_wal_is_refused(crashed: Path, tmp_path: Path) -> None:
    back_up(tmp_path / "data" / "p.db", tmp_path / "backup.db")
    shutil.copyfile(tmp_path / "backup.db", crashed)

    said = await refusal(crashed)

    assert "p.db-wal was written for another database than this p.db" in said
    assert "move p.db-wal and p.db-shm away" in said
    assert await refusal(crashed) == said, "a second try changes nothing"
    beside(crashed, "-wal").unlink()
    assert await notes_in(crashed) == NOTES


async def test_another_file_beside_the_old_wal_is_refused(crashed: Path, tmp_path: Path) -> None:
    shutil.copyfile(crashed, tmp_path / "copy.db")
    (tmp_path / "copy.db").rename(crashed)

    assert "was written for another database" in await refusal(crashed)
    beside(crashed, ".lock").unlink()
    assert await notes_in(crashed) == NOTES, "the operator knows better"


async def test_another_page_size_is_refused(crashed: Path) -> None:
    give_another_page_size(crashed)

    assert "was written for another database" in await refusal(crashed)


@pytest.mark.parametrize("lost", ["missing", "empty"])
async def test_a_wal_without_its_database_is_not_discarded(crashed: Path, lost: str) -> None:
    lose(crashed, lost)
    wal = beside(crashed, "-wal").read_bytes()

    assert "p.db is missing or empty, but p.db-wal is there" in await refusal(crashed)
    assert beside(crashed, "-wal").read_bytes() == wal


@pytest.mark.parametrize(
    "offset",
    [
        pytest.param(0, id="magic"),
        pytest.param(9, id="page size"),
        pytest.param(17, id="salt"),
        pytest.param(32, id="page number"),
        pytest.param(32 + 9, id="salt of a frame"),
        pytest.param(32 + 17, id="checksum of a frame"),
        pytest.param(32 + 24 + 100, id="page"),
        pytest.param(32 + 5 * FRAME + 2_000, id="later page"),
    ],
)
async def test_acknowledged_messages_that_can_not_be_read_are_not_dropped_in_silence(
    crashed: Path, offset: int
) -> None:
    wal = beside(crashed, "-wal")
    content = bytearray(wal.read_bytes())
    content[offset] ^= 0x10
    wal.write_bytes(content)

    said = await refusal(crashed)

    assert "p.db-wal is damaged in frame" in said
    assert await refusal(crashed) == said, "a second try changes nothing"
    where = DatabaseUrl.file(crashed)
    async with open_database(
        where.kind, where.url, where.path, migrate=False, salvage=True
    ) as database:
        assert await database.read(count) < NOTES
    assert await notes_in(crashed) < NOTES, "and then it is no longer refused"


async def test_a_last_transaction_that_was_cut_off_is_no_damage(crashed: Path) -> None:
    wal = beside(crashed, "-wal")
    wal.write_bytes(wal.read_bytes()[:-2_000])

    assert await notes_in(crashed) == NOTES - 1


async def test_a_missing_wal_is_logged(crashed: Path, caplog: pytest.LogCaptureFixture) -> None:
    beside(crashed, "-wal").unlink()

    assert await notes_in(crashed) == 0
    assert [record.message for record in caplog.records] == ["database.wal_missing"]


async def test_an_epoch_begun_while_it_ran_is_its_own(tmp_path: Path) -> None:
    path, crashed = tmp_path / "data" / "p.db", tmp_path / "crashed" / "p.db"
    where = DatabaseUrl.file(path)
    async with open_database(where.kind, where.url, path, migrate=True) as database:
        new = await database.write(epoch.renew)
        await until(lambda: new in beside(path, ".lock").read_text(), "the epoch to be noted", 10)
        kill(path, crashed, json.loads(beside(path, ".lock").read_text())["left"]["epochs"])

    where = DatabaseUrl.file(crashed)
    async with open_database(where.kind, where.url, where.path, migrate=False) as database:
        assert await database.read(epoch.read) == new
