"""
Databases for tests: each is a new installation, made in a millisecond.

SQLite in memory, two engines as in production; or, with ``TEST_DATABASE_URL``, PostgreSQL:
one database per process, emptied between tests.
"""

import asyncio
import os
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, closing, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.store import checksum_backfill, migrations
from app.store.database import Database, DatabaseLoad, DbConnection, T, Work
from app.store.event_checksum import register
from app.store.postgres import PostgresDatabase
from app.store.sqlite import SqliteDatabase
from app.store.sqlite_connection import SqliteConnection
from app.store.tables import metadata
from tests.harness.patience import turns, until

POSTGRES = os.environ.get("TEST_DATABASE_URL", "")
"""A database on the PostgreSQL server that tests may use; empty: SQLite."""


# SQLite


@cache
def _new_installation() -> sqlite3.Connection:
    """The template that :func:`install` copies. Migrated once."""
    template = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    engine = sa.create_engine("sqlite://", creator=lambda: template, poolclass=sa.StaticPool)
    with engine.begin() as connection:
        installation = SqliteConnection(connection)
        migrations.upgrade(installation)
        template.execute("BEGIN")
        checksum_backfill.advance(installation, 2)
        template.execute("COMMIT")
    return template


def install(empty: sqlite3.Connection) -> None:
    """Make an empty SQLite database a new installation."""
    _new_installation().backup(empty)
    register(empty)


@asynccontextmanager
async def open_sqlite(path: Path | None = None) -> AsyncIterator[SqliteDatabase]:
    """A new installation in memory, or in a file."""
    if path is not None:
        with closing(sqlite3.connect(path)) as file:
            install(file)
    database = SqliteDatabase(path)
    if database._keeper is not None:
        install(database._keeper)
    yield database
    await database.close()


# PostgreSQL


def url(database: str = "") -> str:
    """The address of a database of the server under test."""
    base = sa.make_url(POSTGRES).set(drivername="postgresql")
    if database:
        base = base.set(database=database)
    return base.render_as_string(hide_password=False)


@contextmanager
def postgres_database(*, migrated: bool = True) -> Iterator[str]:
    """The address of a database that exists until the block ends."""
    name = f"parley_test_{secrets.token_hex(6)}"
    administer(f'CREATE DATABASE "{name}"')
    try:
        if migrated:
            asyncio.run(migrate(url(name)))
        yield url(name)
    finally:
        administer(f'DROP DATABASE "{name}" WITH (FORCE)')


def administer(statement: str) -> None:
    """Execute a statement on the server under test, outside of a transaction."""
    # Installed only with the extra "postgres".
    import psycopg

    with psycopg.connect(url(), autocommit=True) as connection:
        connection.execute(statement)


async def migrate(address: str) -> None:
    """Bring a database to the schema of now."""
    database = PostgresDatabase(address)
    await database.write(migrations.upgrade)
    await database.close()


_SEEDED = ("meta", "rooms", "events")
_seeds: dict[str, list[dict[str, object]]] = {}


def empty(connection: DbConnection) -> None:
    """Make a PostgreSQL database a new installation again."""
    if not _seeds:
        for name in _SEEDED:
            rows = connection.execute(sa.select(metadata.tables[name])).mappings()
            _seeds[name] = [dict(row) for row in rows]
    for table in reversed(metadata.sorted_tables):
        connection.execute(table.delete())
    for index in ("search_documents", "search_pending"):
        connection.execute(sa.text(f"DELETE FROM {index}"))
    for name, rows in _seeds.items():
        connection.execute(metadata.tables[name].insert(), rows)
    for name in ("users", "sessions", "revocations", "invites", "audit"):
        connection.execute(
            sa.text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), 1, false)")
        )
    connection.execute(sa.text("SELECT setval(pg_get_serial_sequence('rooms', 'id'), 1)"))


@asynccontextmanager
async def open_postgres(address: str) -> AsyncIterator[PostgresDatabase]:
    """A new installation."""
    database = PostgresDatabase(address)
    await database.write(empty)
    yield database
    await database.close()


@asynccontextmanager
async def open_moving(address: str) -> AsyncIterator[PostgresDatabase]:
    """A database as ``parley move`` opens it: as it is, and without limits."""
    database = PostgresDatabase(address, limited=False)
    yield database
    await database.close()


# A database with gates


class GatedDatabase:
    """
    A database whose reads or writes wait while a test holds them.

    A held read or write has not begun, and sees what is committed before it is released. A held
    result is of a transaction that has ended, and shows the state before the release.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.shared = database.shared
        self.fault = database.fault
        self.checking = database.checking
        self._reading = Gate()
        self._read = Gate()
        self._writing = Gate()
        self._written = Gate()
        self.reads = self.writes = 0
        """How many were called."""
        self.batches = 0
        """Those of the writes that were the log's."""
        self.busy = 0
        """How many are running or held."""
        self.fails_with: Exception | None = None
        """Raised by each call from now on, instead of running it."""
        self.loses_responses_with: Exception | None = None
        """Raised by each write from now on, after it has been committed."""

    async def read(self, work: Work[T]) -> T:
        """Like :meth:`Database.read`."""
        self.reads += 1
        return await self._pass(self._reading, self._database.read, self._read, work)

    async def write(self, work: Work[T]) -> T:
        """Like :meth:`Database.write`."""
        return await self._write(self._database.write, work)

    async def checkpoint(self) -> bool:
        """Like :meth:`Database.checkpoint`."""
        return await self._database.checkpoint()

    async def write_log(
        self, work: Work[T], *, aside: bool = False, waiting_since: float | None = None
    ) -> T:
        """Like :meth:`Database.write_log`, counted and held like :meth:`write`."""
        self.batches += 1
        call = partial(self._database.write_log, aside=aside, waiting_since=waiting_since)
        return await self._write(call, work)

    async def _write(self, call: Any, work: Work[T]) -> T:
        self.writes += 1
        result: T = await self._pass(self._writing, call, self._written, work)
        if self.loses_responses_with is not None:
            raise self.loses_responses_with
        return result

    @property
    def load(self) -> DatabaseLoad:
        """Like :attr:`Database.load`."""
        return self._database.load

    @property
    def closed(self) -> bool:
        """Like :attr:`Database.closed`."""
        return self._database.closed

    def interrupt(self) -> None:
        """Like :meth:`Database.interrupt`."""
        self._database.interrupt()

    async def close(self) -> None:
        """Do nothing: the wrapped database stays open."""

    @property
    def is_open(self) -> bool:
        """Whether all calls pass, and succeed."""
        gates = (self._reading, self._read, self._writing, self._written)
        return self.fails_with is None and all(gate.is_open for gate in gates)

    async def quiet(self) -> None:
        """Wait until no call is running."""
        await turns()
        await until(lambda: not self.busy, "the database")
        await turns()

    def holding_reads(self, *, but: int = 0) -> "AbstractContextManager[Gate]":
        """Hold reads until the block ends, except the next ``but``."""
        return self._reading.shut(but)

    def holding_read_results(self, *, but: int = 0) -> "AbstractContextManager[Gate]":
        """Hold the results of reads until the block ends, except the next ``but``."""
        return self._read.shut(but)

    def holding_writes(self, *, but: int = 0) -> "AbstractContextManager[Gate]":
        """Hold writes until the block ends, except the next ``but``."""
        return self._writing.shut(but)

    def holding_write_results(self, *, but: int = 0) -> "AbstractContextManager[Gate]":
        """Hold the results of committed writes until the block ends, except the next ``but``."""
        return self._written.shut(but)

    async def _pass(self, before: "Gate", call: Any, after: "Gate", work: Work[T]) -> T:
        self.busy += 1
        try:
            await before.passed()
            if self.fails_with is not None:
                raise self.fails_with
            result: T = await call(work)
            await after.passed()
            return result
        finally:
            self.busy -= 1


class Gate:
    """Where calls wait while it is shut."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._but = 0
        self.waiting = 0
        """How many calls wait."""

    @property
    def is_open(self) -> bool:
        """Whether calls pass."""
        return self._open.is_set()

    async def passed(self) -> None:
        """Wait until it is open."""
        if self._but and not self._open.is_set():
            self._but -= 1
            return
        self.waiting += 1
        try:
            await self._open.wait()
        finally:
            self.waiting -= 1

    @contextmanager
    def shut(self, but: int) -> "Iterator[Gate]":
        """Shut the gate until the block ends; the next ``but`` calls pass."""
        self._open.clear()
        self._but = but
        try:
            yield self
        finally:
            self._open.set()
