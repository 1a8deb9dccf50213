"""
Queries without SQLAlchemy, for the statements whose cost is counted: per batch, join and page.

On SQLite, SQLAlchemy has nothing to add to them, no types to convert and no text to compile, and
takes eight times as long as the driver (``python -m bench.fast_paths``). PostgreSQL's driver
needs it.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, cast

import sqlalchemy as sa

from .database import DbConnection


def driver(connection: DbConnection) -> sqlite3.Connection:
    """The sqlite3 connection under SQLAlchemy's, inside the transaction that is open on it."""
    sqlite = cast(sqlite3.Connection, connection.connection.driver_connection)
    # Outside of one, each statement would be a transaction of its own.
    assert sqlite.in_transaction
    return sqlite


class Query:
    """A query with named parameters: ``SELECT … WHERE id = :id``."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._text = sa.text(sql)

    def rows(self, connection: DbConnection, **parameters: object) -> Sequence[Any]:
        """Execute the query, and return all rows as tuples."""
        if connection.dialect.name == "sqlite":
            return driver(connection).execute(self._sql, parameters).fetchall()
        return connection.execute(self._text, parameters).all()
