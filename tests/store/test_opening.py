"""Opening a database: alone, at this version's schema, or one sentence."""

import sqlite3
from pathlib import Path

import pytest

from app.config.database_url import DatabaseUrl
from app.store import meta, migrations
from app.store.opening import Locked, StoreError, open_database, shown
from app.store.sqlite import SqliteDatabase


@pytest.fixture
def where(tmp_path: Path) -> DatabaseUrl:
    return DatabaseUrl.file(tmp_path / "data" / "parley.db")


async def _refusal(where: DatabaseUrl, *, migrate: bool = True) -> str:
    with pytest.raises(StoreError) as caught:
        async with open_database(where.kind, where.url, where.path, migrate=migrate, wait=0):
            pytest.fail("It opened.")
    return str(caught.value)


async def test_a_new_file_is_made_migrated_and_nobody_elses(where: DatabaseUrl) -> None:
    assert where.path is not None
    async with open_database(where.kind, where.url, where.path, migrate=True) as database:
        assert await database.read(migrations.current) == migrations.latest()
        assert await database.read(meta.epoch)

        modes = {file.name: file.stat().st_mode & 0o777 for file in where.path.parent.iterdir()}

    assert modes.pop("parley.db") == 0o600
    assert set(modes.values()) == {0o600}
    assert where.path.parent.stat().st_mode & 0o777 == 0o700


async def test_opening_it_again_finds_what_was_there(where: DatabaseUrl) -> None:
    async with open_database(where.kind, where.url, where.path, migrate=True) as database:
        epoch = await database.read(meta.epoch)

    async with open_database(where.kind, where.url, where.path, migrate=False) as database:
        assert await database.read(meta.epoch) == epoch


async def test_a_database_in_memory_needs_no_lock() -> None:
    async with (
        open_database("sqlite", "sqlite://", None, migrate=True) as one,
        open_database("sqlite", "sqlite://", None, migrate=True) as other,
    ):
        assert await one.read(meta.epoch) != await other.read(meta.epoch)


async def test_two_at_once_are_one_too_many(where: DatabaseUrl, tmp_path: Path) -> None:
    opening = open_database(
        where.kind, where.url, where.path, address="http://127.0.0.1:8000", migrate=True
    )
    (tmp_path / "link.db").symlink_to(where.path or "")
    detour = DatabaseUrl.file(tmp_path / "link.db")

    async with opening:
        with pytest.raises(Locked, match=r"process \d+, which serves http://127\.0\.0\.1:8000"):
            async with open_database(where.kind, where.url, where.path, migrate=True, wait=0):
                pytest.fail("It opened.")
        assert "Only one process at a time" in await _refusal(detour)


async def test_a_newer_schema_is_refused(where: DatabaseUrl) -> None:
    async with open_database(where.kind, where.url, where.path, migrate=True):
        pass
    assert where.path is not None
    with sqlite3.connect(where.path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    assert "made by a newer Parley" in await _refusal(where)
    assert "made by a newer Parley" in await _refusal(where, migrate=False)


async def test_an_older_schema_is_refused_where_it_must_not_be_changed(
    where: DatabaseUrl,
) -> None:
    assert "is empty" in await _refusal(where, migrate=False)
    assert (await _refusal(where, migrate=False)).endswith("run: parley migrate")


async def test_what_is_no_database_is_left_alone(where: DatabaseUrl) -> None:
    assert where.path is not None
    where.path.parent.mkdir()
    where.path.write_bytes(b"a letter to grandmother " * 100)

    assert "file is not a database" in await _refusal(where)
    assert where.path.read_bytes().startswith(b"a letter")


async def test_a_place_that_can_not_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    where = DatabaseUrl.file(tmp_path / "file" / "parley.db")

    assert f"{where.path} can't be used: " in await _refusal(where)


async def test_a_failed_start_leaves_no_lock(where: DatabaseUrl) -> None:
    await _refusal(where, migrate=False)

    async with open_database(where.kind, where.url, where.path, migrate=True, wait=0):
        pass


async def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    url = "postgresql+asyncpg://me:sesame@127.0.0.1:1/parley"

    refusal = await _refusal(DatabaseUrl("postgresql", url))

    assert refusal.startswith("postgresql://127.0.0.1:1/parley can't be used: ")
    assert "sesame" not in refusal


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////srv/parley.db", "/srv/parley.db"),
        ("sqlite://", "The database in memory"),
        ("postgresql+asyncpg://a:b@db:5433/chat", "postgresql://db:5433/chat"),
        ("postgresql+asyncpg:///chat?host=/run", "postgresql://localhost/chat"),
    ],
)
def test_addresses_are_shown_without_what_is_secret(url: str, expected: str) -> None:
    assert shown(url) == expected


async def test_schema_is_made_once(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "x.db")
    await database.write(migrations.upgrade)
    await database.close()
    where = DatabaseUrl.file(tmp_path / "x.db")

    async with open_database(where.kind, where.url, where.path, migrate=False) as opened:
        assert await opened.read(migrations.current) == migrations.latest()
