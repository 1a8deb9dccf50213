"""
Opening the database to work with it: alone, at this version's schema, or not at all.

Whatever stands in the way is one sentence for the operator.
"""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from app.domain.errors import Unavailable
from app.domain.limits import LOCK_WAIT_SECONDS
from app.store import migrations
from app.store.database import Database
from app.store.file_lock import FileLock, LockHeld, LockHolder
from app.store.postgres import PostgresDatabase
from app.store.sqlite import SqliteDatabase

Kind = Literal["sqlite", "postgresql"]

# Two nodes that migrate at once: the second waits, and then finds nothing to do.
_MIGRATING = sa.text("SELECT pg_advisory_xact_lock(7240117)")


class StoreError(Exception):
    """The database can't be used. The text is a sentence for the operator."""


class Locked(StoreError):
    """Another process has the SQLite file."""

    def __init__(self, path: Path, holder: LockHolder) -> None:
        who = "another process" if holder.pid is None else f"process {holder.pid}"
        where = f", which serves {holder.url}" if holder.url else ""
        super().__init__(
            f"{path} is in use by {who}{where}. Only one process at a time can have a SQLite "
            "database. Stop that one first, or use PostgreSQL (DATABASE_URL) for several."
        )
        self.holder = holder


@asynccontextmanager
async def open_database(
    kind: Kind,
    url: str,
    path: Path | None,
    *,
    address: str | None = None,
    migrate: bool,
    wait: float = LOCK_WAIT_SECONDS,
) -> AsyncIterator[Database]:
    """
    Open the database, bring it to this version's schema, and close it at the end.

    Args:
        path: The file, of a SQLite database that is one; made if there is none.
        address: Where this process serves: commands that write ask it there.
        migrate: Whether an older schema is brought up to date, or refused.
        wait: Seconds that another process which has the file is given to go.

    Raises:
        Locked: If another process still has the SQLite file.
        StoreError: If it can't be opened, or its schema is not this version's.

    """
    opening = open_any_schema(kind, url, path, address=address, wait=wait)
    async with opening as database:
        await bring_up_to_date(database, url, migrate=migrate)
        yield database


@asynccontextmanager
async def open_any_schema(
    kind: Kind,
    url: str,
    path: Path | None,
    *,
    address: str | None = None,
    wait: float = LOCK_WAIT_SECONDS,
) -> AsyncIterator[Database]:
    """
    Like :func:`open_database`, but leave the schema as it is, whatever it is.

    Raises:
        Locked: If another process still has the SQLite file.
        StoreError: If it can't be opened.

    """
    async with AsyncExitStack() as stack:
        if path is not None:
            stack.callback((await take_file(path, address, wait)).release)
        try:
            database = _open(kind, url, path)
        except (OSError, sa.exc.SQLAlchemyError, sqlite3.Error) as exc:
            raise StoreError(f"{shown(url)} can't be opened: {reason(exc)}.") from exc
        except ModuleNotFoundError as exc:
            raise StoreError(
                f"PostgreSQL needs a package that is not installed: {exc.name}. "
                "Install Parley with its extra: parley-chat[postgres]."
            ) from exc
        stack.push_async_callback(database.close)
        yield database


async def take_file(path: Path, address: str | None, wait: float) -> FileLock:
    """
    Become the one process that has this SQLite file, which is made if there is none.

    Raises:
        Locked: If another process still has it after ``wait`` seconds.
        StoreError: If it can't be made.

    """
    try:
        return await FileLock.wait(_lock_beside(path), address, wait)
    except LockHeld as exc:
        raise Locked(path, exc.holder) from None
    except OSError as exc:
        raise StoreError(f"{path} can't be used: {reason(exc)}.") from exc


def _lock_beside(path: Path) -> Path:
    """The lock of this SQLite file, which is made if there is none."""
    # Whoever reaches it by another way has to meet us at the same lock.
    path = path.resolve()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # It holds what people said: its owner's eyes only. SQLite's side files follow it.
    path.touch(mode=0o600)
    return path.with_name(f"{path.name}.lock")


async def bring_up_to_date(database: Database, url: str, *, migrate: bool) -> bool:
    """
    Return when the schema is this version's; answers whether it had to be changed.

    Raises:
        StoreError: If it isn't, and is newer or must not be changed.

    """
    try:
        found = await database.read(migrations.current)
        if found == migrations.latest():
            return False
        refuse_newer(found, url)
        if not migrate:
            raise StoreError(outdated(found, url))
        return await database.write(partial(_upgrade, url=url))
    except Unavailable as exc:
        raise StoreError(f"{shown(url)} can't be used: {reason(exc.__cause__)}.") from exc
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as exc:
        raise StoreError(f"{shown(url)} can't be used: {reason(exc)}.") from exc


def outdated(found: str | None, url: str) -> str:
    """The sentence for a database of an older version."""
    state = "is empty" if found is None else f"is at schema {found}"
    return (
        f"{shown(url)} {state}, and this Parley needs schema {migrations.latest()}: "
        "run: parley migrate"
    )


def refuse_newer(found: str | None, url: str) -> None:
    """
    Return unless a newer version made the database.

    Raises:
        StoreError: If one did.

    """
    if found is not None and not migrations.is_known(found):
        raise StoreError(
            f"{shown(url)} was made by a newer Parley: its schema {found} is not known here. "
            "Install that version, or restore a backup from before."
        )


def shown(url: str) -> str:
    """A database's address for people, without a password."""
    parts = sa.make_url(url)
    if parts.get_backend_name() == "sqlite":
        return parts.database or "The database in memory"
    port = f":{parts.port}" if parts.port else ""
    return f"postgresql://{parts.host or 'localhost'}{port}/{parts.database}"


def reason(exc: BaseException | None) -> str:
    """What a driver or the system says, as the end of a sentence."""
    if isinstance(exc, sa.exc.DBAPIError) and exc.orig is not None:
        exc = exc.orig
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror
    lines = str(exc or "").strip().splitlines()
    # asyncpg's message stands behind the names of two classes.
    return (lines[0].rpartition(">: ")[2] if lines else type(exc).__name__).rstrip(".")


def _open(kind: Kind, url: str, path: Path | None) -> Database:
    return SqliteDatabase(path) if kind == "sqlite" else PostgresDatabase(url)


def _upgrade(connection: sa.Connection, url: str) -> bool:
    if connection.dialect.name == "postgresql":
        connection.execute(_MIGRATING)
    found = migrations.current(connection)
    if found == migrations.latest():
        return False
    refuse_newer(found, url)
    migrations.upgrade(connection)
    return True


def newest_schema() -> str:
    """The schema that this version works with."""
    return migrations.latest()
