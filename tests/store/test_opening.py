"""Opening a database: one process at a time, at this version's schema, or a clear error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.config.database_url import DatabaseUrl
from app.domain.errors import Unavailable
from app.store import epoch, migrations
from app.store.errors import Locked, StoreError
from app.store.opening import open_database
from tests.harness.patience import until


@pytest.fixture
def where(tmp_path: Path) -> DatabaseUrl:
    return DatabaseUrl.file(tmp_path / "data" / "parley.db")


async def _refusal(where: DatabaseUrl, *, migrate: bool = True) -> str:
    with pytest.raises(StoreError) as caught:
        async with open_database(where.kind, where.url, where.path, migrate=migrate, wait=0):
            pytest.fail("It opened.")
    return str(caught.value)


async def test_a_new_file_is_migrated_and_readable_by_its_owner_alone(where: DatabaseUrl) -> None:
    assert where.path is not None
    async with open_database(where.kind, where.url, where.path, migrate=True) as database:
        assert await database.read(migrations.current) == migrations.latest()
        assert await database.read(epoch.read)

        modes = {file.name: file.stat().st_mode & 0o777 for file in where.path.parent.iterdir()}

    assert modes.pop("parley.db") == 0o600
    assert set(modes.values()) == {0o600}
    assert where.path.parent.stat().st_mode & 0o777 == 0o700


async def test_a_database_keeps_its_content(where: DatabaseUrl) -> None:
    async with open_database(where.kind, where.url, where.path, migrate=True) as database:
        before = await database.read(epoch.read)

    async with open_database(where.kind, where.url, where.path, migrate=False) as database:
        assert await database.read(epoch.read) == before


async def test_a_database_in_memory_needs_no_lock() -> None:
    async with (
        open_database("sqlite", "sqlite://", None, migrate=True) as one,
        open_database("sqlite", "sqlite://", None, migrate=True) as other,
    ):
        assert await one.read(epoch.read) != await other.read(epoch.read)


async def test_a_second_process_is_refused_by_any_path(where: DatabaseUrl, tmp_path: Path) -> None:
    opening = open_database(
        where.kind, where.url, where.path, address="http://127.0.0.1:8000", migrate=True
    )
    (tmp_path / "link.db").symlink_to(where.path or "")
    other_path = DatabaseUrl.file(tmp_path / "link.db")

    async with opening:
        with pytest.raises(Locked, match=r"process \d+, which serves http://127\.0\.0\.1:8000"):
            async with open_database(where.kind, where.url, where.path, migrate=True, wait=0):
                pytest.fail("It opened.")
        assert "Only one process at a time" in await _refusal(other_path)


async def test_a_file_that_is_not_a_database_is_not_changed(where: DatabaseUrl) -> None:
    assert where.path is not None
    where.path.parent.mkdir()
    where.path.write_bytes(b"not a database " * 100)

    assert "file is not a database" in await _refusal(where)
    assert where.path.read_bytes().startswith(b"not a database")


async def test_a_path_that_can_not_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    where = DatabaseUrl.file(tmp_path / "file" / "parley.db")

    assert f"{where.path} can't be used: " in await _refusal(where)


async def test_a_failed_opening_leaves_no_lock(where: DatabaseUrl) -> None:
    await _refusal(where, migrate=False)

    async with open_database(where.kind, where.url, where.path, migrate=True, wait=0):
        pass


async def test_an_unreachable_server_is_named_without_its_password() -> None:
    url = "postgresql://me:sesame@127.0.0.1:1/parley"

    refusal = await _refusal(DatabaseUrl("postgresql", url))

    assert refusal.startswith("postgresql://127.0.0.1:1/parley can't be used: ")
    assert "sesame" not in refusal


async def test_what_fails_is_said_once_while_it_is_opened_and_logged_afterwards(
    where: DatabaseUrl, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = DatabaseUrl.parse("postgresql://127.0.0.1:1/parley")
    assert "Connection refused" in await _refusal(nowhere)
    assert caplog.messages == []

    async with open_database(where.kind, where.url, where.path, migrate=True) as database:
        with pytest.raises(Unavailable):
            await database.read(lambda c: c.execute(sa.text("SELECT nothing")))
    assert "database.failed" in caplog.messages


async def test_files_are_watched_while_nothing_is_written(where: DatabaseUrl) -> None:
    assert where.path is not None
    async with open_database(where.kind, where.url, where.path, migrate=True) as database:
        os.unlink(where.path)

        await until(lambda: database.fault == "replaced", "the file to be missed", 10)


@pytest.mark.slow
def test_only_postgresql_needs_its_driver() -> None:
    program = (
        "import asyncio, sys\n"
        "sys.modules['psycopg'] = None\n"
        "import app.main\n"
        "from app.store.errors import StoreError\n"
        "from app.store.opening import open_database\n"
        "async def main():\n"
        "    async with open_database('postgresql', 'postgresql://h/d', None, migrate=False):\n"
        "        pass\n"
        "try:\n"
        "    asyncio.run(main())\n"
        "except StoreError as exc:\n"
        "    print(exc)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert "In a checkout of Parley, run: pip install '.[postgres]'" in done.stdout, done.stderr
