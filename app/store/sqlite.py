"""
SQLite: one connection that writes, in a thread of its own, and a few that only read.

A transaction runs synchronously in one of these threads, with one thread hop for all of its
statements: four times as fast as a hop per statement (decision 0002). A single writer makes
``database is locked`` impossible inside the process, and avoids the WAL-reset bug of SQLite
before 3.51.3, which needs two.
"""

import asyncio
import logging
import secrets
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TypeVar

import sqlalchemy as sa

from ..domain.errors import ParleyError, Unavailable
from ..domain.server_limits import SQLITE_BUSY_MS, SQLITE_READERS
from .condition import Condition
from .damage import Damage, Damaged, damage
from .database import DatabaseLoad, T, Threads, Work
from .database_files import DatabaseFiles
from .integrity import IntegrityCheck
from .sqlite_connection import SqliteConnection
from .sqlite_maintenance import checkpoint, rewrite
from .sqlite_session import (
    connect,
    open_connection,
    transaction,
    wait_for_lock,
)
from .thread_pool import ThreadPool

log = logging.getLogger("parley.store")

W = TypeVar("W")

_SAFE_VERSION = (3, 51, 3)
# A caller that has waited for less gets the whole time: setting it costs a statement.
_SHORT_WAIT_SECONDS = 0.1


class SqliteDatabase:
    """
    One SQLite file, or a database in memory that lives as long as this object.

    Implements :class:`~app.store.database.Database`. The file must have no other writer: see
    :mod:`app.store.file_lock`.

    Args:
        path: The file, which is made if there is none. None: in memory.
        readers: How many transactions may read at the same time.
        busy_ms: How long a transaction waits for a lock of another program.

    """

    shared = False

    def __init__(
        self,
        path: Path | None,
        *,
        readers: int = SQLITE_READERS,
        busy_ms: int = SQLITE_BUSY_MS,
    ) -> None:
        database = f"file:/parley-{secrets.token_hex(8)}?vfs=memdb" if path is None else str(path)
        # A database in memory is gone with its last connection.
        self._keeper = connect(database, write=True) if path is None else None
        self._writer = open_connection(database, write=True, busy_ms=busy_ms)
        self._condition = Condition()
        self._busy_ms = busy_ms
        self._write_thread = ThreadPool(1, "parley-write")
        self._new_reader = partial(open_connection, database, write=False, busy_ms=busy_ms)
        self._read_threads = ThreadPool(readers, "parley-read")
        # Each reading thread has a connection of its own.
        self._local = threading.local()
        self._readers: list[SqliteConnection] = []
        self._unused_readers: SimpleQueue[SqliteConnection] = SimpleQueue()
        self.closed = False
        self.logs_failures = True
        """Whether a transaction that the disk or another program failed is logged."""
        self._files = None if path is None else self._open_files(path, readers)
        if sqlite3.sqlite_version_info < _SAFE_VERSION:
            log.info(
                "sqlite.version",
                extra={"version": sqlite3.sqlite_version, "fixed_in": "3.51.3: WAL reset"},
            )

    @property
    def fault(self) -> str | None:
        return self._condition.fault

    def check_files(self) -> None:
        """Compare the paths with the open files, and note in :attr:`fault` what is found."""
        if self._files is not None:
            self._condition.note_replaced(self._files.changed())

    @property
    def checking(self) -> bool:
        return self._condition.checking

    @property
    def load(self) -> DatabaseLoad:
        pools = {"write": self._write_thread, "read": self._read_threads}
        return DatabaseLoad(
            tuple(Threads(name, pool.count, pool.waiting) for name, pool in pools.items()),
            None if self._files is None else self._files.wal_bytes,
        )

    async def note_check(self, check: IntegrityCheck) -> None:
        """Wait for a check of the whole file, and note in :attr:`fault` what it finds."""
        self._condition.checking = True
        try:
            if (found := await check.result()) is not None:
                self._condition.note_damage(Damage(found, in_structure=True))
                self._condition.refuse_reads()
        finally:
            self._condition.checking = False

    def _open_files(self, path: Path, readers: int) -> DatabaseFiles:
        """Open all readers now: later there may be another file at the path, or none."""
        try:
            for _ in range(readers):
                self._unused_readers.put(self._open_reader())
            return DatabaseFiles(path)
        except BaseException:  # leave no file open, whatever was raised
            self._close_in_thread()
            raise

    def _open_reader(self) -> SqliteConnection:
        connection = self._new_reader()
        self._readers.append(connection)
        return connection

    async def write(self, work: Work[T]) -> T:
        return await self.write_log(work)

    async def write_log(
        self, work: Work[T], *, aside: bool = False, waiting_since: float | None = None
    ) -> T:
        since = monotonic() if waiting_since is None else waiting_since
        call = partial(self._write_in_thread, since)
        # The one before it in the queue may wait for another program's lock.
        within = since + self._busy_ms / 1_000 - monotonic()
        try:
            result: T = await self._run(
                self._write_thread, call, work, max(within, _SHORT_WAIT_SECONDS)
            )
        except TimeoutError:
            raise Unavailable from None
        # If they were deleted before COMMIT or during it, it has written to the deleted ones.
        # Looked at here: the thread would wait for the interpreter lock after each system call.
        self._require_files()
        return result

    async def checkpoint(self) -> bool:
        return await self._run(self._write_thread, self._outside_transaction, checkpoint)

    async def rewrite(self) -> None:
        """
        Write the file anew, without what its unused parts hold: as long and large as a copy.

        Raises:
            Unavailable: If it can't be written now.

        """
        await self._run(self._write_thread, self._outside_transaction, rewrite)

    async def read(self, work: Work[T]) -> T:
        call = partial(self._read_in_thread, monotonic())
        return await self._run(self._read_threads, call, work)

    def interrupt(self) -> None:
        pass

    async def close(self) -> None:
        self.closed = True
        await asyncio.to_thread(self._close_in_thread)

    async def _run(
        self,
        threads: ThreadPool,
        call: Callable[[W], T],
        work: W,
        start_within: float | None = None,
    ) -> T:
        if self.closed:
            raise Unavailable
        try:
            return await threads.run(call, work, start_within=start_within)
        except (sa.exc.DBAPIError, sqlite3.Error, UnicodeDecodeError, Damaged) as exc:
            if (found := damage(exc)) is not None:
                self._condition.note_damage(found)
                raise exc if isinstance(exc, Damaged) else Unavailable from exc
            if not isinstance(exc, (sa.exc.OperationalError, sqlite3.OperationalError)):
                raise
            # Disk full, I/O error, locked by another program: not the client's fault.
            if self.logs_failures:
                log.error("database.failed", extra={"error": str(getattr(exc, "orig", exc))})
            raise Unavailable from exc
        except ParleyError:
            raise
        except Exception as exc:  # no bug, if what was read makes no sense
            if self._condition.fault == "damaged":
                raise Unavailable from exc
            raise

    def _write_in_thread(self, since: float, work: Work[T]) -> T:
        self._limit_wait(self._writer, since)
        self._require_files()
        return transaction(self._writer, "BEGIN IMMEDIATE", "COMMIT", work)

    def _limit_wait(self, connection: SqliteConnection, since: float) -> None:
        """A caller that came at ``since`` waits for another program's lock for what is left."""
        waited = monotonic() - since
        left_ms = self._busy_ms - (int(waited * 1_000) if waited >= _SHORT_WAIT_SECONDS else 0)
        wait_for_lock(connection, max(left_ms, 0))

    def _outside_transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._require_files()
        return work(self._writer.driver)

    def _require_files(self) -> None:
        """Return if what is committed is where the paths lead to; raise Unavailable if not."""
        if self._files is not None:
            if (path := self._files.written_elsewhere()) is not None:
                self._condition.note_replaced(path)
            elif self._condition.fault is not None:
                self.check_files()
        self._condition.require_writable()

    def _read_in_thread(self, since: float, work: Work[T]) -> T:
        connection: SqliteConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            try:
                connection = self._unused_readers.get_nowait()
            except Empty:  # in memory
                connection = self._open_reader()
            self._local.connection = connection
        self._condition.require_readable()
        self._limit_wait(connection, since)
        return transaction(connection, "BEGIN", "ROLLBACK", work)

    def _close_in_thread(self) -> None:
        self._read_threads.close()
        self._write_thread.close()
        for connection in self._readers:
            connection.sqlalchemy.close()
        # Closed last, the writer checkpoints the WAL into the file.
        self._writer.sqlalchemy.close()
        if self._keeper is not None:
            self._keeper.close()
