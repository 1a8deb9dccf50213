"""
Reading a database beside the server that has it, without a lock and without a trace.

On SQLite the file is opened read-only, so that this process neither writes a page nor
checkpoints: the one writer stays the only one.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from app.domain.errors import Unavailable
from app.domain.limits import SQLITE_BUSY_MS
from app.store import migrations
from app.store.database import T, Work
from app.store.opening import StoreError, outdated, reason, refuse_newer, shown
from app.store.postgres import PostgresDatabase


async def look(url: str, path: Path | None, work: Work[T]) -> T:
    """
    Run ``work`` on one snapshot of the database.

    Args:
        path: The file of a SQLite database; None: ``url`` is PostgreSQL's.

    Raises:
        StoreError: If it can't be read, or its schema is not this version's.

    """

    def checked(connection: sa.Connection) -> T:
        found = migrations.current(connection)
        if found != migrations.latest():
            refuse_newer(found, url)
            raise StoreError(outdated(found, url))
        return work(connection)

    if path is not None:
        with read_only(path) as connection:
            return _run(connection, checked)
    database = PostgresDatabase(url)
    try:
        return await database.read(checked)
    except Unavailable as exc:
        raise StoreError(f"{shown(url)} can't be read: {reason(exc.__cause__)}.") from exc
    finally:
        await database.close()


@contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """
    A connection to a SQLite file that can't change it.

    Raises:
        StoreError: If there is no such file, or what was tried on it failed.

    """
    if not path.is_file():
        raise StoreError(f"There is no database at {path}.")
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None
        )
        try:
            connection.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_MS}")
            connection.execute("PRAGMA trusted_schema=OFF")
            yield connection
        finally:
            connection.close()
    except (sqlite3.Error, sa.exc.DBAPIError) as exc:
        raise StoreError(f"{path} can't be read: {reason(exc)}.") from exc


def _run(connection: sqlite3.Connection, work: Work[T]) -> T:
    engine = sa.create_engine("sqlite://", creator=lambda: connection, poolclass=NullPool)
    with engine.connect() as opened:
        # sqlite3 was told to begin nothing by itself.
        opened.exec_driver_sql("BEGIN")
        result = work(opened)
        opened.exec_driver_sql("ROLLBACK")
        return result
