"""Databases of older and of newer versions."""

import sqlite3
from pathlib import Path

import pytest

from app.config.database_url import DatabaseUrl
from app.store import migrations
from app.store.errors import StoreError
from app.store.opening import open_database
from app.store.sqlite import SqliteDatabase


@pytest.fixture
def where(tmp_path: Path) -> DatabaseUrl:
    return DatabaseUrl.file(tmp_path / "parley.db")


async def _refusal(where: DatabaseUrl, *, migrate: bool = True) -> str:
    with pytest.raises(StoreError) as caught:
        async with open_database(where.kind, where.url, where.path, migrate=migrate, wait=0):
            pytest.fail("It opened.")
    return str(caught.value)


async def test_a_newer_schema_is_refused(where: DatabaseUrl) -> None:
    async with open_database(where.kind, where.url, where.path, migrate=True):
        pass
    assert where.path is not None
    with sqlite3.connect(where.path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    assert "made by a newer Parley" in await _refusal(where)
    assert "made by a newer Parley" in await _refusal(where, migrate=False)


async def test_an_older_schema_is_refused_if_it_must_not_be_upgraded(
    where: DatabaseUrl,
) -> None:
    assert "is empty" in await _refusal(where, migrate=False)
    assert (await _refusal(where, migrate=False)).endswith("run: parley migrate")


async def test_a_current_schema_needs_no_upgrade(where: DatabaseUrl) -> None:
    database = SqliteDatabase(where.path)
    await database.write(migrations.upgrade)
    await database.close()

    async with open_database(where.kind, where.url, where.path, migrate=False) as opened:
        assert await opened.read(migrations.current) == migrations.latest()
