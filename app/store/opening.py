"""
Opening the database: by one process alone if it is a SQLite file, at this version's schema.

Every failure is a :class:`~app.store.errors.StoreError` with a sentence for the operator.
"""

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa

from ..domain.errors import Unavailable
from ..domain.server_limits import (
    DATABASE_FILES_SECONDS,
    INTEGRITY_CHECK_SECONDS,
    LOCK_WAIT_SECONDS,
)
from . import epoch, leftover_wal
from .database import Database
from .errors import Locked, StoreError, display_name, reason, unusable
from .file_lock import FileLock, LockHeld
from .file_rewrite import rewrite_once
from .integrity import IntegrityCheck
from .move_state import ensure_in_place
from .schema_version import ensure_current
from .sqlite import SqliteDatabase

if TYPE_CHECKING:
    from .postgres import PostgresDatabase

log = logging.getLogger("parley.store")

Kind = Literal["sqlite", "postgresql"]


@asynccontextmanager
async def open_database(
    kind: Kind,
    url: str,
    path: Path | None,
    *,
    address: str | None = None,
    migrate: bool,
    salvage: bool = False,
    moving: bool = False,
    wait: float = LOCK_WAIT_SECONDS,
    check_seconds: float = INTEGRITY_CHECK_SECONDS,
) -> AsyncIterator[Database]:
    """
    Open the database, bring it to this version's schema, and close it at the end.

    Args:
        path: The file of a SQLite database, which is made if there is none. None: in memory, or
            PostgreSQL.
        address: Where this process serves. Commands that write send their request there.
        migrate: Whether an older schema is upgraded or refused.
        salvage: Whether a damaged ``-wal`` is used as far as it can be read, or refused.
        moving: Whether this is for a move: then transactions may take long, and a database that
            was moved, or is the target of a move, is not refused.
        wait: How long another process that is using the file is given to end, in seconds.
        check_seconds: How long a server waits for the check of the whole file.

    Raises:
        Locked: If another process is still using the SQLite file.
        StoreError: If the database can't be opened, its schema is not this version's, or it was
            moved.

    """
    async with AsyncExitStack() as stack:
        lock, was_killed = None, False
        if path is not None:
            lock = await lock_file(path, address, wait)
            stack.callback(_release, lock, path)
            was_killed = leftover_wal.examine(path, lock.left, salvage=salvage)
            if not was_killed and lock.left is not None:
                log.warning("database.wal_missing", extra={"path": f"{path}-wal"})
            _make(path)
        try:
            database = _open(kind, url, path, limited=not (migrate or moving))
        except (OSError, sa.exc.SQLAlchemyError, sqlite3.Error, UnicodeDecodeError) as exc:
            raise StoreError(f"{display_name(url)} can't be opened: {reason(exc, path)}.") from exc
        except ModuleNotFoundError as exc:
            raise StoreError(
                f"PostgreSQL needs a package that is not installed: {exc.name}. "
                "In a checkout of Parley, run: pip install '.[postgres]'"
            ) from exc
        stack.push_async_callback(database.close)
        if path is not None and isinstance(database, SqliteDatabase):
            # A command doesn't check the whole file each time; a server does when it starts.
            if was_killed or address is not None:
                await stack.enter_async_context(
                    _checking(database, path, check_seconds, to_the_end=was_killed)
                )
        # Until it is open, what fails is said by a StoreError, once.
        database.logs_failures = False
        try:
            await ensure_current(database, url, migrate=migrate)
            if not moving:
                await ensure_in_place(database, url)
            if address is not None and database.shared:
                await _end_capture(database)
        except Unavailable as exc:
            raise StoreError(unusable(url, exc.__cause__)) from exc
        database.logs_failures = True
        if path is not None and isinstance(database, SqliteDatabase):
            await rewrite_once(database, path)
        if path is not None and lock is not None and isinstance(database, SqliteDatabase):
            await stack.enter_async_context(_watching(database, path, lock))
        yield database


async def _end_capture(database: Database) -> None:
    """Remove what a move has left that was killed; one that runs elsewhere fails by that."""
    if await database.read(lambda c: c.change_capture.is_left(c)):
        for work in (await database.read(lambda c: c.change_capture)).end():
            await database.write(work)


@asynccontextmanager
async def _checking(
    database: SqliteDatabase, path: Path, seconds: float, *, to_the_end: bool
) -> AsyncIterator[None]:
    """
    Let SQLite check the file, for so many seconds; after that in the background if ``to_the_end``.

    Raises:
        StoreError: If it has found the file damaged.

    """
    try:
        check = IntegrityCheck(path)
    except sqlite3.Error as exc:
        raise StoreError(f"{path} can't be read: {reason(exc, path)}.") from exc
    noting = None
    try:
        found = await check.result(seconds)
    except TimeoutError:
        if to_the_end:
            noting = asyncio.create_task(database.note_check(check), name="integrity check")
    else:
        if found is not None:
            raise StoreError(
                f"{path} is damaged: {found}. Restore a backup; parley check shows all that is "
                "wrong."
            )
    try:
        yield
    finally:
        await check.stop()
        if noting is not None:
            await noting


@asynccontextmanager
async def _watching(database: SqliteDatabase, path: Path, lock: FileLock) -> AsyncIterator[None]:
    """
    Look regularly for files that were deleted or replaced, until the block ends.

    Notes in the lock file what the next process needs to know if this one is killed.
    """
    epochs = [await database.read(epoch.read)]
    lock.note(leftover_wal.note(path, epochs))

    async def watch() -> None:
        while True:
            await asyncio.sleep(DATABASE_FILES_SECONDS)
            # A file system that hangs must not stop the event loop.
            await asyncio.to_thread(database.check_files)
            with suppress(Unavailable):
                if (now := await database.read(epoch.read)) not in epochs:
                    epochs.append(now)
                    lock.note(leftover_wal.note(path, epochs))

    watching = asyncio.create_task(watch(), name="database files")
    try:
        yield
    finally:
        watching.cancel()


async def lock_file(path: Path, address: str | None, wait: float) -> FileLock:
    """
    Become the one process that uses this SQLite file, which need not exist yet.

    Raises:
        Locked: If another process is still using it after ``wait`` seconds.
        StoreError: If its folder can't be made.

    """
    try:
        return await FileLock.wait(_lock_path(path), address, wait)
    except LockHeld as exc:
        raise Locked(path, exc.holder) from None
    except OSError as exc:
        raise StoreError(f"{path} can't be used: {reason(exc)}.") from exc


def _lock_path(path: Path) -> Path:
    """Return the path of this SQLite file's lock; make its folder if there is none."""
    # Resolved, so that two paths to the same file share a lock.
    path = path.resolve()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path.with_name(f"{path.name}.lock")


def _release(lock: FileLock, path: Path) -> None:
    # The last one who closes a database removes its -wal; if it is left, so is the note about it.
    if not os.path.exists(f"{os.path.realpath(path)}-wal"):
        lock.note(None)
    lock.release()


def _make(path: Path) -> None:
    """Make the file if there is none."""
    try:
        # Messages are readable by the owner alone. SQLite gives its side files the same mode.
        path.resolve().touch(mode=0o600)
    except OSError as exc:
        raise StoreError(f"{path} can't be used: {reason(exc)}.") from exc


def _open(
    kind: Kind, url: str, path: Path | None, *, limited: bool
) -> "SqliteDatabase | PostgresDatabase":
    if kind == "sqlite":
        return SqliteDatabase(path)
    # Its driver is installed only with the extra "postgres".
    from .postgres import PostgresDatabase

    return PostgresDatabase(url, limited=limited)
