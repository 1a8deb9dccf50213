"""SQLite's :class:`~app.store.database.DbConnection`: every statement is executed at once."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, cast

import orjson
import sqlalchemy as sa

from .database import Columns, ColumnType, DbConnection
from .sqlite_changes import SqliteChangeCapture
from .sqlite_search import SqliteSearchIndex


class SqliteConnection(DbConnection):
    """
    A connection on which SQLAlchemy has nothing to add to counted statements.

    Args:
        sqlalchemy: A connection of SQLAlchemy with a transaction of sqlite3 open on it.

    """

    is_only_writer = True
    has_lateral = False
    has_checksums = True
    is_file = True
    orders_by_bytes = True
    now_ms = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
    search_index = SqliteSearchIndex()
    change_capture = SqliteChangeCapture()

    def __init__(self, sqlalchemy: sa.Connection) -> None:
        super().__init__(sqlalchemy)
        # Looked up once: it stays the same, and each statement needs it.
        self.driver = cast(sqlite3.Connection, sqlalchemy.connection.driver_connection)
        """The sqlite3 connection under SQLAlchemy's, also outside of a transaction."""
        self.busy_ms: int | None = None
        """How long a statement waits for another program's lock; None: as it was opened."""

    def rows(self, sql: str, parameters: Mapping[str, object]) -> Sequence[Any]:
        return self._in_transaction().execute(sql, parameters).fetchall()

    def run(self, sql: str, parameters: Mapping[str, object]) -> None:
        self._in_transaction().execute(sql, parameters)

    def insert(self, table: str, columns: Columns, rows: Sequence[tuple[object, ...]]) -> None:
        self._in_transaction().executemany(_insert(table, columns), rows)

    def _in_transaction(self) -> sqlite3.Connection:
        # Outside of one, each statement would be a transaction of its own.
        assert self.driver.in_transaction
        return self.driver

    def copy_in(
        self, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]
    ) -> None:
        # The types are of no use to SQLite.
        self.driver.executemany(_insert(table, tuple((name, "text") for name in columns)), rows)

    @staticmethod
    def key_source(columns: Columns) -> str:
        items = [f"json_extract(value, '$[{i}]') AS {name}" for i, (name, _) in enumerate(columns)]
        return f"(SELECT {', '.join(items)} FROM json_each(:keys))"

    @staticmethod
    def encode_keys(keys: Iterable[Sequence[object]]) -> object:
        return orjson.dumps(list(keys)).decode()

    @staticmethod
    def json_field(column: str, name: str, kind: ColumnType = "text") -> str:
        return f"json_extract({column}, '$.{name}')"

    @staticmethod
    def has_json_field(column: str, name: str) -> str:
        return f"json_type({column}, '$.{name}') IS NOT NULL"

    @staticmethod
    def json_items(column: str, name: str) -> str:
        return f"json_each({column}, '$.{name}')"


@cache
def _insert(table: str, columns: Columns) -> str:
    names = ", ".join(f'"{name}"' for name, _ in columns)
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"
