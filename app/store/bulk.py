"""
Statements with a set of keys as *one* parameter: the text does not depend on how many.

``IN (…)`` with a placeholder per key is parsed and compiled anew for every size. Here the keys
are one JSON array.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Literal

import orjson
import sqlalchemy as sa

from .database import DbConnection
from .query import driver

ColumnType = Literal["bigint", "text"]
Columns = tuple[tuple[str, ColumnType], ...]


@cache
def _statement(sql: str, columns: Columns, dialect: str) -> sa.TextClause:
    if dialect == "sqlite":
        items = [f"json_extract(value, '$[{i}]') AS {c}" for i, (c, _) in enumerate(columns)]
        source = "json_each(:keys)"
    else:
        items = [f"CAST(value->>{i} AS {t}) AS {c}" for i, (c, t) in enumerate(columns)]
        source = "jsonb_array_elements(CAST(:keys AS jsonb))"
    return sa.text(sql.replace("{keys}", f"(SELECT {', '.join(items)} FROM {source}) AS k"))


class BulkStatement:
    """
    A statement over a set of keys.

    Args:
        sql: The statement. ``{keys}`` in it stands for a table ``k``, with a row per key.
        columns: The columns of that table, and their types.

    """

    def __init__(self, sql: str, **columns: ColumnType) -> None:
        self._sql = sql
        self._columns = tuple(columns.items())

    def rows(
        self, connection: DbConnection, keys: Iterable[Sequence[object]], **parameters: object
    ) -> Sequence[Any]:
        """Execute a query, and return all rows. Each key is a tuple with a value per column."""
        return self._execute(connection, keys, parameters).fetchall()

    def run(
        self, connection: DbConnection, keys: Iterable[Sequence[object]], **parameters: object
    ) -> None:
        """Execute a statement that returns no rows."""
        self._execute(connection, keys, parameters)

    def _execute(
        self,
        connection: DbConnection,
        keys: Iterable[Sequence[object]],
        parameters: dict[str, object],
    ) -> sqlite3.Cursor | sa.CursorResult[Any]:
        statement = _statement(self._sql, self._columns, connection.dialect.name)
        parameters["keys"] = orjson.dumps(list(keys)).decode()
        if connection.dialect.name == "sqlite":
            return driver(connection).execute(statement.text, parameters)
        return connection.execute(statement, parameters)


class BulkInsert:
    """An ``INSERT`` of tuples, compiled once. The rows are passed to the driver as they are."""

    def __init__(self, table: sa.Table, *columns: str) -> None:
        self._table = table
        self._columns = columns
        self._compiled: dict[str, str] = {}

    def __call__(self, connection: DbConnection, rows: Sequence[tuple[object, ...]]) -> None:
        """Insert ``rows``, tuples in the order of the columns."""
        sql = self._compiled.get(connection.dialect.name)
        if sql is None:
            insert = sa.insert(self._table).values({c: sa.bindparam(c) for c in self._columns})
            sql = str(insert.compile(dialect=connection.dialect))
            self._compiled[connection.dialect.name] = sql
        if not rows:
            return
        if connection.dialect.name == "sqlite":
            driver(connection).executemany(sql, rows)
        else:
            connection.exec_driver_sql(sql, list(rows))
