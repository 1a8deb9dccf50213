"""
Parley on PostgreSQL, as a server under test. Runs if ``BENCH_DATABASE_URL`` names a server.

It gets a database of its own, which is filled with what :mod:`bench.fixtures` puts into a SQLite
file, and analysed. The database server runs wherever the machine puts it, and its time counts as
the machine's.
"""

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from app.store import migrations
from app.store.postgres import PostgresDatabase
from bench import fixtures
from bench.dataset import Dataset
from bench.servers import Parley

URL = os.environ.get("BENCH_DATABASE_URL", "")
_DATABASE = "parley_bench"
_TABLES = ("users", "sessions", "rooms", "members", "events")
_FLAGS = {"is_admin"}


class ParleyOnPostgres(Parley):
    """The same Parley, with another database."""

    name = "parley, PostgreSQL"

    def fill(self, folder: Path, dataset: Dataset) -> None:
        with psycopg.connect(URL, autocommit=True) as server:
            server.execute(f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)")
            server.execute(f"CREATE DATABASE {_DATABASE}")
        asyncio.run(_migrate())
        with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder_name:
            file = Path(folder_name, "parley.db")
            fixtures.fill(file, dataset)
            with closing(sqlite3.connect(file)) as source, psycopg.connect(_url()) as target:
                for table in reversed(_TABLES):
                    target.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
                for table in _TABLES:
                    _copy(source, target, table)
        with psycopg.connect(_url(), autocommit=True) as target:
            target.execute("VACUUM ANALYZE")

    def environment(self, folder: Path) -> Mapping[str, str]:
        return {**super().environment(folder), "DATABASE_URL": _url()}


def _url() -> str:
    return urlsplit(URL)._replace(scheme="postgresql", path=f"/{_DATABASE}").geturl()


async def _migrate() -> None:
    database = PostgresDatabase(_url())
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
