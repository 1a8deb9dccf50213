"""
The servers under test that have a PostgreSQL database.

They run if a server answers at ``BENCH_DATABASE_URL``, by default on this machine. Each gets a new
database, ``parley_bench``, filled with what a SQLite file would be filled with, and analysed. The
database server runs wherever the machine puts it, and its time counts as the machine's.
"""

import asyncio
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from app.store import migrations
from app.store.postgres import PostgresDatabase
from bench import fixtures
from bench.dataset import Dataset
from bench.machine import free_port
from bench.peers import databases
from bench.servers import BareUvloop, Parley, Server, TutorialStore

URL = os.environ.get("BENCH_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
_DATABASE = "parley_bench"
_TABLES = ("users", "sessions", "rooms", "members", "events")
_FLAGS = {"is_admin"}
_DISTANCE_MS = 1.0
_START_SECONDS = 10


class ParleyOnPostgres(Parley):
    """
    The same Parley, with another database.

    Args:
        url: Where the database server is reached.
        workers: Nodes on the database, which share the port and the core.

    """

    def __init__(self, name: str, url: str, workers: int = 1) -> None:
        super().__init__()
        self.name = name
        self._url = url
        self._workers = workers

    def command(self, folder: Path, port: int) -> list[str]:
        return [*super().command(folder, port), "--workers", str(self._workers)]

    def fill(self, folder: Path, dataset: Dataset) -> None:
        _create_database()
        asyncio.run(_migrate())
        with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder_name:
            file = Path(folder_name, "parley.db")
            fixtures.fill(file, dataset)
            with closing(sqlite3.connect(file)) as source, psycopg.connect(_of(URL)) as target:
                for table in reversed(_TABLES):
                    target.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
                for table in _TABLES:
                    _copy(source, target, table)
        _analyse()

    def environment(self, folder: Path) -> Mapping[str, str]:
        return {**super().environment(folder), "DATABASE_URL": _of(self._url)}


class TutorialOnPostgres(TutorialStore):
    """The tutorial's server with asyncpg."""

    def fill(self, folder: Path, dataset: Dataset) -> None:
        super().fill(folder, dataset)
        _create_database()
        with (
            closing(sqlite3.connect(folder / "chat.db")) as source,
            psycopg.connect(_of(URL)) as target,
        ):
            target.execute(databases.TUTORIAL_ON_POSTGRES)
            for table in ("users", "messages"):
                _copy(source, target, table)
            target.execute("SELECT setval('messages_id_seq', (SELECT count(*) + 1 FROM messages))")
        _analyse()

    def database(self, folder: Path) -> str:
        return _of(URL, scheme="postgresql+asyncpg")


class BareAsyncpg(BareUvloop):
    """An upper bound on PostgreSQL, like bare uvloop on SQLite."""

    name = "bare asyncpg"

    def fill(self, folder: Path, dataset: Dataset) -> None:
        _create_database()

    def command(self, folder: Path, port: int) -> list[str]:
        return [sys.executable, "-m", "bench.peers.bare_asyncpg", str(port), _of(URL)]


@contextmanager
def servers() -> Iterator[Sequence[Server]]:
    """The servers that can run here: none without a database server."""
    try:
        psycopg.connect(URL, connect_timeout=_START_SECONDS).close()
    except psycopg.OperationalError:
        print("PostgreSQL is left out: no server answers at BENCH_DATABASE_URL.")
        yield ()
        return
    with _distant(URL, _DISTANCE_MS) as distant:
        yield (
            ParleyOnPostgres("parley, PostgreSQL", URL),
            ParleyOnPostgres("parley, PostgreSQL, 2 nodes", URL, workers=2),
            ParleyOnPostgres("parley, PostgreSQL 1 ms away", distant),
            TutorialOnPostgres("tutorial + PostgreSQL"),
            BareAsyncpg(),
        )


@contextmanager
def _distant(url: str, milliseconds: float) -> Iterator[str]:
    """The address of the server behind a delay in each direction."""
    parts, port = urlsplit(url), free_port()
    to = [parts.hostname or "127.0.0.1", str(parts.port or 5432), str(milliseconds)]
    command = [sys.executable, "-m", "bench.peers.delay_proxy", str(port), *to]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1])
    try:
        wait_for(port)
        login, at, _ = parts.netloc.rpartition("@")
        yield parts._replace(netloc=f"{login}{at}127.0.0.1:{port}").geturl()
    finally:
        process.kill()
        process.wait()


def wait_for(port: int) -> None:
    """Return when something listens on a port of this machine."""
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _of(url: str, scheme: str = "postgresql") -> str:
    """The address of the database, on the server of ``url``."""
    return urlsplit(url)._replace(scheme=scheme, path=f"/{_DATABASE}").geturl()


def _create_database() -> None:
    with psycopg.connect(URL, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {_DATABASE}")


async def _migrate() -> None:
    database = PostgresDatabase(_of(URL))
    await database.write(migrations.upgrade)
    await database.close()


def _copy(source: sqlite3.Connection, target: "psycopg.Connection[object]", table: str) -> None:
    rows = source.execute(f"SELECT * FROM {table}")
    columns = [column[0] for column in rows.description]
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    copy = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
    with target.cursor() as cursor, cursor.copy(copy) as writing:
        for row in rows:
            pairs = zip(columns, row, strict=True)
            writing.write_row([bool(value) if n in _FLAGS else value for n, value in pairs])


def _analyse() -> None:
    with psycopg.connect(_of(URL), autocommit=True) as target:
        target.execute("VACUUM ANALYZE")
