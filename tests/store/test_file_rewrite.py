"""A SQLite file of an earlier version is rewritten once."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.config.database_url import DatabaseUrl
from app.store.file_rewrite import rewrite_once
from app.store.opening import open_database
from app.store.sqlite import SqliteDatabase

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "parley.db"


async def install(path: Path) -> None:
    where = DatabaseUrl.file(path)
    async with open_database(where.kind, where.url, where.path, migrate=True):
        pass


def holds_secret(path: Path) -> bool:
    return b"zebrasecret" in path.read_bytes()


def delete_as_earlier_versions_did(path: Path, *, unmark: bool = True) -> None:
    """Leave a secret in the unused parts of a page."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("INSERT INTO meta (key, value) VALUES ('x', 'zebrasecret')")
        connection.execute("DELETE FROM meta WHERE key = 'x'")
        if unmark:
            connection.execute("DELETE FROM meta WHERE key = 'rewritten'")


async def test_what_was_deleted_before_is_gone_after_the_first_start(path: Path) -> None:
    await install(path)
    delete_as_earlier_versions_did(path)
    assert holds_secret(path)

    await install(path)

    assert not holds_secret(path)


async def test_it_happens_once(path: Path) -> None:
    await install(path)
    delete_as_earlier_versions_did(path, unmark=False)

    await install(path)

    assert holds_secret(path)


async def test_a_large_file_is_left_and_named_in_the_log(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await install(path)
    delete_as_earlier_versions_did(path)
    database = SqliteDatabase(path)
    caplog.set_level(logging.WARNING, "parley.store")

    await rewrite_once(database, path, max_bytes=1_000)
    await database.close()

    assert [record.message for record in caplog.records] == ["database.not_rewritten"]
    assert holds_secret(path)
