"""SQLite's :class:`~app.store.database.DbConnection`: every statement is executed at once."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, cast

import orjson

from .database import Columns, DbConnection


class SqliteConnection(DbConnection):
    """
    A connection on which SQLAlchemy has nothing to add to counted statements.

    Args:
        sqlalchemy: A connection of SQLAlchemy with a transaction of sqlite3 open on it.

    """

    busy_ms: int | None = None
    """How long a statement waits for another program's lock; None: as it was opened."""

    is_only_writer = True
    has_lateral = False
    has_checksums = True

    @property
    def driver(self) -> sqlite3.Connection:
        """The sqlite3 connection under SQLAlchemy's, inside the transaction that is open on it."""
        sqlite = cast(sqlite3.Connection, self._sqlalchemy.connection.driver_connection)
        # Outside of one, each statement would be a transaction of its own.
        assert sqlite.in_transaction
        return sqlite

    def rows(self, sql: str, parameters: Mapping[str, object]) -> Sequence[Any]:
        return self.driver.execute(sql, parameters).fetchall()

    def run(self, sql: str, parameters: Mapping[str, object]) -> None:
        self.driver.execute(sql, parameters)

    def insert(self, table: str, columns: Columns, rows: Sequence[tuple[object, ...]]) -> None:
        self.driver.executemany(_insert(table, columns), rows)

    @staticmethod
    def key_source(columns: Columns) -> str:
        items = [f"json_extract(value, '$[{i}]') AS {name}" for i, (name, _) in enumerate(columns)]
        return f"(SELECT {', '.join(items)} FROM json_each(:keys))"

    @staticmethod
    def encode_keys(keys: Iterable[Sequence[object]]) -> object:
        return orjson.dumps(list(keys)).decode()


@cache
def _insert(table: str, columns: Columns) -> str:
    names = ", ".join(f'"{name}"' for name, _ in columns)
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"
