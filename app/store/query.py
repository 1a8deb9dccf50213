"""
Past SQLAlchemy, for the statements whose price is counted: those of every batch, join and page.

On SQLite it has nothing to add to them, no types to convert and no text to compile, and takes
eight times as long as the driver (``python -m bench.fast_paths``). PostgreSQL's driver needs it.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, cast

import sqlalchemy as sa


def driver(connection: sa.Connection) -> sqlite3.Connection:
    """SQLite's connection under SQLAlchemy's, inside the transaction that is open there."""
    sqlite = cast(sqlite3.Connection, connection.connection.driver_connection)
    # Outside of one, each statement would be a transaction of its own.
    assert sqlite.in_transaction
    return sqlite


class Query:
    """A query with named parameters: ``SELECT … WHERE id = :id``."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._text = sa.text(sql)

    def rows(self, connection: sa.Connection, **parameters: object) -> Sequence[Any]:
        """The rows, as tuples."""
        if connection.dialect.name == "sqlite":
            return driver(connection).execute(self._sql, parameters).fetchall()
        return connection.execute(self._text, parameters).all()
