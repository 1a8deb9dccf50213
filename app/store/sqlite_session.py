"""One connection to SQLite: its settings, and transactions on it."""

import sqlite3
import threading

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from ..domain.server_limits import SQLITE_BUSY_MS, SQLITE_WAL_PAGES
from .damage import Damaged
from .database import DbConnection, T, Work
from .event_checksum import FUNCTION_RAISED, finding, register
from .sqlite_connection import SqliteConnection

_SYNCHRONOUS_FULL = 2


class _Opened(threading.local):
    """What the engine takes when this thread connects."""

    connection: sqlite3.Connection


_opened = _Opened()
# One engine for all connections, so that a process compiles each statement once, and not again
# for the writer, for each reader and for each database: that takes longer than executing it.
_engine = sa.create_engine(
    "sqlite://", creator=lambda: _opened.__dict__.pop("connection"), poolclass=NullPool
)


def connect(database: str, *, write: bool, busy_ms: int = SQLITE_BUSY_MS) -> sqlite3.Connection:
    """
    Open a connection with the settings that Parley's promises rest on.

    Args:
        database: A path, or a ``file:`` URI.
        write: Whether it may write. There is one such connection per database.
        busy_ms: How long a statement waits for a lock of another program.

    Raises:
        RuntimeError: If the connection would not wait for the disk at each commit.

    """
    connection = sqlite3.connect(
        database, uri=database.startswith("file:"), isolation_level=None, check_same_thread=False
    )
    settings = {
        "busy_timeout": busy_ms,
        "journal_mode": "WAL",
        "synchronous": "FULL",
        "foreign_keys": "ON",
        # What is deleted is overwritten, at the next checkpoint in the file, too.
        "secure_delete": "ON",
        "trusted_schema": "OFF",
        # Only the writer checkpoints.
        "wal_autocheckpoint": SQLITE_WAL_PAGES if write else 0,
        "query_only": "OFF" if write else "ON",
    }
    try:
        for name, value in settings.items():
            connection.execute(f"PRAGMA {name}={value}")
        require_full_sync(connection)
        register(connection)
    except BaseException:  # leave no file open, whatever was raised
        connection.close()
        raise
    return connection


def require_full_sync(connection: sqlite3.Connection) -> None:
    """
    Return if each commit waits for the disk: "acknowledged means on disk" rests on it.

    Raises:
        RuntimeError: If it does not.

    """
    if connection.execute("PRAGMA synchronous").fetchone() != (_SYNCHRONOUS_FULL,):
        raise RuntimeError("SQLite did not accept PRAGMA synchronous=FULL.")


def open_connection(database: str, *, write: bool, busy_ms: int) -> SqliteConnection:
    """
    Open a connection for :func:`transaction`.

    For SQLAlchemy it is in one transaction that never ends: to begin and end one with SQLAlchemy
    takes as long as to insert a message.
    """
    _opened.connection = connect(database, write=write, busy_ms=busy_ms)
    connection = _engine.connect()
    connection.begin()
    opened = SqliteConnection(connection)
    try:
        # SQLite opens the WAL when a database is first read.
        transaction(opened, "BEGIN", "ROLLBACK", _first_read)
    except BaseException:  # leave no file open, whatever was raised
        connection.close()
        raise
    return opened


def _first_read(connection: DbConnection) -> None:
    connection.rows("SELECT count(*) FROM sqlite_master", {})


def transaction(connection: SqliteConnection, begin: str, end: str, work: Work[T]) -> T:
    """Run ``work`` between two statements; roll back if it or the second one fails."""
    sqlite = connection.driver
    sqlite.execute(begin)
    try:
        result = work(connection)
        sqlite.execute(end)
    except sqlite3.OperationalError as exc:
        _roll_back(sqlite)
        if str(exc) == FUNCTION_RAISED:
            raise Damaged(finding()) from exc
        raise
    except BaseException:  # roll back whatever was raised
        _roll_back(sqlite)
        raise
    return result


def _roll_back(sqlite: sqlite3.Connection) -> None:
    # SQLite has rolled back by itself if the disk was full.
    if sqlite.in_transaction:
        sqlite.execute("ROLLBACK")


def wait_for_lock(connection: SqliteConnection, milliseconds: int) -> None:
    """Set how long a statement waits for a lock of another program."""
    if connection.busy_ms != milliseconds:
        connection.driver.execute(f"PRAGMA busy_timeout={milliseconds}")
        connection.busy_ms = milliseconds
