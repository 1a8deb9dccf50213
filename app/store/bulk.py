"""
Statements with a set of keys as *one* parameter: the text does not depend on how many.

``IN (…)`` with a placeholder per key is parsed and compiled anew for every size. Here the keys
are one JSON array.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from .database import Columns, ColumnType, DbConnection
from .event_checksum import not_verifying, verifying


class BulkStatement:
    """
    A statement over a set of keys.

    Args:
        sql: The statement. ``{keys}`` in it stands for a table ``k``, with a row per key, and
            ``{e.id}`` for the id of an event whose checksum is right.
        lateral: The same with a LATERAL join, where the engine has it: what is read is then never
            more than what each key finds, whatever the planner believes.
        columns: The columns of that table, and their types.

    """

    def __init__(self, sql: str, *, lateral: str | None = None, **columns: ColumnType) -> None:
        self._sql = sql
        self._lateral = lateral
        self._columns: Columns = tuple(columns.items())
        self._sql_by_engine: dict[type[DbConnection], str] = {}

    def rows(
        self, connection: DbConnection, keys: Iterable[Sequence[object]], **parameters: object
    ) -> Sequence[Any]:
        """Execute a query, and return all rows. Each key is a tuple with a value per column."""
        parameters["keys"] = connection.encode_keys(keys)
        return connection.rows(self._sql_for(connection), parameters)

    def run(
        self, connection: DbConnection, keys: Iterable[Sequence[object]], **parameters: object
    ) -> None:
        """Execute a statement that returns no rows."""
        parameters["keys"] = connection.encode_keys(keys)
        connection.run(self._sql_for(connection), parameters)

    def _sql_for(self, connection: DbConnection) -> str:
        engine = type(connection)
        sql = self._sql_by_engine.get(engine)
        if sql is None:
            chosen = self._lateral if self._lateral and connection.has_lateral else self._sql
            sql = chosen.replace("{keys}", f"{connection.key_source(self._columns)} AS k")
            sql = verifying(sql) if connection.has_checksums else not_verifying(sql)
            self._sql_by_engine[engine] = sql
        return sql


class BulkInsert:
    """An ``INSERT`` of tuples. The rows are passed to the driver as they are."""

    def __init__(self, table: sa.Table, *columns: str) -> None:
        self._table = table.name
        self._columns: Columns = tuple((name, _type(table.c[name])) for name in columns)

    def __call__(self, connection: DbConnection, rows: Sequence[tuple[object, ...]]) -> None:
        """Insert ``rows``, tuples in the order of the columns."""
        if rows:
            connection.insert(self._table, self._columns, rows)


def _type(column: sa.Column[Any]) -> ColumnType:
    return "bigint" if isinstance(column.type, sa.Integer) else "text"
