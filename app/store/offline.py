"""
Reading a database while a server uses it: no lock is taken, and nothing is written.

A SQLite file is opened read-only, so that this process neither writes a page nor checkpoints, and
the server stays the only writer.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from ..domain.errors import Unavailable
from ..domain.server_limits import SQLITE_BUSY_MS
from .database import DbConnection, T, Work
from .errors import StoreError, display_name, reason
from .event_checksum import register
from .schema_version import require_current
from .sqlite_connection import SqliteConnection


async def read_offline(url: str, path: Path | None, work: Work[T]) -> T:
    """
    Run ``work`` on one snapshot of the database. On SQLite this blocks the event loop.

    Args:
        path: The file of a SQLite database. None: ``url`` is PostgreSQL's.

    Raises:
        StoreError: If it can't be read, or its schema is not this version's.

    """

    def checked_work(connection: DbConnection) -> T:
        require_current(connection, url)
        return work(connection)

    return await read_any_schema(url, path, checked_work)


async def read_any_schema(url: str, path: Path | None, work: Work[T]) -> T:
    """Like :func:`read_offline`, whatever the schema is."""
    if path is not None:
        with open_read_only(path) as connection:
            return run_read_only(connection, work)
    # Its driver is installed only with the extra "postgres".
    from .postgres import PostgresDatabase

    database = PostgresDatabase(url, limited=False)
    try:
        return await database.read(work)
    except Unavailable as exc:
        raise StoreError(f"{display_name(url)} can't be read: {reason(exc.__cause__)}.") from exc
    finally:
        await database.close()


@contextmanager
def open_read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """
    Open a SQLite file that must exist, with a connection that can't change it.

    Raises:
        StoreError: If there is no such file, or a statement in the block failed.

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
            register(connection)
            yield connection
        finally:
            connection.close()
    except (sqlite3.Error, sa.exc.DBAPIError) as exc:
        raise StoreError(f"{path} can't be read: {reason(exc, path)}.") from exc


def run_read_only(connection: sqlite3.Connection, work: Work[T]) -> T:
    """Run ``work`` on one snapshot, with a connection of :func:`open_read_only`."""
    engine = sa.create_engine("sqlite://", creator=lambda: connection, poolclass=NullPool)
    with engine.connect() as opened:
        # sqlite3 begins no transaction by itself here.
        opened.exec_driver_sql("BEGIN")
        result = work(SqliteConnection(opened))
        opened.exec_driver_sql("ROLLBACK")
        return result
