"""PostgreSQL's :class:`~app.store.database.DbConnection`: queued statements in few round trips."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, cast

import orjson
import psycopg
import sqlalchemy as sa

from .database import Columns, ColumnType, DbConnection
from .pipeline import Pipeline
from .postgres_changes import PostgresChangeCapture
from .postgres_search import PostgresSearchIndex


class PostgresConnection(DbConnection):
    """
    A connection that sends statements together, also those that begin and end the transaction.

    Args:
        sqlalchemy: A connection of SQLAlchemy that neither begins nor ends transactions itself.
        pipeline: Of the same connection.

    """

    is_only_writer = False
    has_lateral = True
    has_checksums = False
    is_file = False
    orders_by_bytes = False
    now_ms = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"
    search_index = PostgresSearchIndex()
    change_capture = PostgresChangeCapture()

    def __init__(self, sqlalchemy: sa.Connection, pipeline: Pipeline) -> None:
        super().__init__(sqlalchemy)
        self._pipeline = pipeline
        self.may_have_written = False
        """Whether there was any statement but those of :meth:`rows`."""

    @property
    def sqlalchemy(self) -> sa.Connection:
        self._pipeline.flush()
        self.may_have_written = True
        return self._sqlalchemy

    def rows(self, sql: str, parameters: Mapping[str, object]) -> Sequence[Any]:
        return self._pipeline.queue(sql, parameters)

    def run(self, sql: str, parameters: Mapping[str, object]) -> None:
        self.may_have_written = True
        self._pipeline.queue(sql, parameters)

    def insert(self, table: str, columns: Columns, rows: Sequence[tuple[object, ...]]) -> None:
        self.may_have_written = True
        self._pipeline.queue(_insert(table, columns), {"keys": self.encode_keys(rows)})

    def copy_in(
        self, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]
    ) -> None:
        driver = cast("psycopg.Connection[Any]", self.sqlalchemy.connection.driver_connection)
        names = ", ".join(f'"{name}"' for name in columns)
        with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    @staticmethod
    def key_source(columns: Columns) -> str:
        items = [
            f'CAST(value->>{i} AS {kind}) AS "{name}"' for i, (name, kind) in enumerate(columns)
        ]
        return f"(SELECT {', '.join(items)} FROM jsonb_array_elements(CAST(:keys AS jsonb)))"

    @staticmethod
    def encode_keys(keys: Iterable[Sequence[object]]) -> object:
        return orjson.dumps(list(keys))

    @staticmethod
    def json_field(column: str, name: str, kind: ColumnType = "text") -> str:
        field = f"({_jsonb(column)}->>'{name}')"
        return field if kind == "text" else f"CAST({field} AS {kind})"

    @staticmethod
    def has_json_field(column: str, name: str) -> str:
        return f"jsonb_exists({_jsonb(column)}, '{name}')"

    @staticmethod
    def json_items(column: str, name: str) -> str:
        return f"LATERAL jsonb_array_elements_text({_jsonb(column)}->'{name}')"


def _jsonb(column: str) -> str:
    # jsonb can't hold NUL, which the data of a client may have. Fields of ours never do. Behind an
    # escaped backslash these are other characters, and the text stays JSON.
    return f"CAST(replace({column}, '\\u0000', '\\u0001') AS jsonb)"


@cache
def _insert(table: str, columns: Columns) -> str:
    names = ", ".join(f'"{name}"' for name, _ in columns)
    source = PostgresConnection.key_source(columns)
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM {source} AS k"
