"""
SQLite: one connection that writes, in a thread of its own, and a few that only read.

Work runs synchronously in these threads, one hop per transaction: four times as fast as a
hop per statement (decision 0002). One writer makes ``database is locked`` impossible inside
the process, and avoids the WAL-reset bug of SQLite before 3.51.3, which needs two.
"""

import asyncio
import logging
import secrets
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from app.domain.errors import Unavailable
from app.domain.limits import SQLITE_BUSY_MS, SQLITE_READERS, SQLITE_WAL_PAGES
from app.store.database import T, Work
from app.store.threads import Threads

log = logging.getLogger("parley.store")

_FULL = 2
_SAFE_VERSION = (3, 51, 3)


def _connect(database: str, *, write: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(
        database, uri=database.startswith("file:"), isolation_level=None, check_same_thread=False
    )
    settings = {
        "busy_timeout": SQLITE_BUSY_MS,
        "journal_mode": "WAL",
        "synchronous": "FULL",
        "foreign_keys": "ON",
        "trusted_schema": "OFF",
        # Only the writer checkpoints.
        "wal_autocheckpoint": SQLITE_WAL_PAGES if write else 0,
        "query_only": "OFF" if write else "ON",
    }
    try:
        for name, value in settings.items():
            connection.execute(f"PRAGMA {name}={value}")
        # The promise "acknowledged means on disk" rests on this one.
        if connection.execute("PRAGMA synchronous").fetchone() != (_FULL,):
            raise RuntimeError("SQLite did not accept PRAGMA synchronous=FULL.")
    except BaseException:  # no file is left open, whatever it was
        connection.close()
        raise
    return connection


def _open(database: str, *, write: bool) -> sa.Connection:
    """
    A connection for :func:`_within`.

    SQLAlchemy believes in one transaction that never ends: beginning and ending one with it
    takes as long as inserting a message.
    """
    engine = sa.create_engine(
        "sqlite://", creator=lambda: _connect(database, write=write), poolclass=NullPool
    )
    connection = engine.connect()
    connection.begin()
    return connection


def _within(connection: sa.Connection, begin: str, end: str, work: Work[T]) -> T:
    """Run ``work`` between two statements. If it fails, or the second one does: rolled back."""
    sqlite = cast(sqlite3.Connection, connection.connection.driver_connection)
    sqlite.execute(begin)
    try:
        result = work(connection)
        sqlite.execute(end)
    except BaseException:  # whatever it is, nothing of it stays
        # SQLite has done it by itself where the disk was full.
        if sqlite.in_transaction:
            sqlite.execute("ROLLBACK")
        raise
    return result


class SqliteDatabase:
    """One SQLite file, or memory that lives as long as this object."""

    shared = False

    def __init__(self, path: Path | None, *, readers: int = SQLITE_READERS) -> None:
        database = f"file:/parley-{secrets.token_hex(8)}?vfs=memdb" if path is None else str(path)
        # Memory goes when its last connection does.
        self._keeper = _connect(database, write=True) if path is None else None
        self._writer = _open(database, write=True)
        self._write_thread = Threads(1, "parley-write")
        self._new_reader = partial(_open, database, write=False)
        self._read_threads = Threads(readers, "parley-read")
        self._local = threading.local()
        self._readers: list[sa.Connection] = []
        self._closed = False
        if sqlite3.sqlite_version_info < _SAFE_VERSION:
            log.info(
                "sqlite.version",
                extra={"version": sqlite3.sqlite_version, "fixed_in": "3.51.3: WAL reset"},
            )

    async def write(self, work: Work[T]) -> T:
        return await self._run(self._write_thread, self._write, work)

    async def read(self, work: Work[T]) -> T:
        return await self._run(self._read_threads, self._read, work)

    async def close(self) -> None:
        self._closed = True
        await asyncio.to_thread(self._close)

    async def _run(self, threads: Threads, call: Callable[[Work[T]], T], work: Work[T]) -> T:
        if self._closed:
            raise Unavailable
        try:
            return await threads.run(call, work)
        except (sa.exc.OperationalError, sqlite3.OperationalError) as exc:
            # Disk full, I/O error, locked by another program: nothing that a client did.
            log.error("database.failed", extra={"error": str(getattr(exc, "orig", exc))})
            raise Unavailable from exc

    def _write(self, work: Work[T]) -> T:
        return _within(self._writer, "BEGIN IMMEDIATE", "COMMIT", work)

    def _read(self, work: Work[T]) -> T:
        connection: sa.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._new_reader()
            self._readers.append(connection)
        return _within(connection, "BEGIN", "ROLLBACK", work)

    def _close(self) -> None:
        self._read_threads.close()
        self._write_thread.close()
        for connection in self._readers:
            connection.close()
        # Closing last, the writer checkpoints the WAL into the file.
        self._writer.close()
        if self._keeper is not None:
            self._keeper.close()
