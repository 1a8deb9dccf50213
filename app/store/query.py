"""
Queries without SQLAlchemy, for the statements whose cost is counted: per batch, join and page.

SQLAlchemy has nothing to add to them, no types to convert and no text to compile, and takes eight
times as long as SQLite's driver (``python -m bench.fast_paths``). On PostgreSQL several of them
share a round trip.
"""

from collections.abc import Sequence
from typing import Any

from .database import DbConnection
from .event_checksum import not_verifying, verifying


class Query:
    """
    A query with named parameters: ``SELECT … WHERE id = :id``.

    ``{e.id}`` in it stands for the id of an event whose checksum is right.
    """

    def __init__(self, sql: str) -> None:
        self._verifying = verifying(sql)
        self._not_verifying = not_verifying(sql)

    def rows(self, connection: DbConnection, **parameters: object) -> Sequence[Any]:
        """Execute the query, and return all rows as tuples."""
        sql = self._verifying if connection.has_checksums else self._not_verifying
        return connection.rows(sql, parameters)
