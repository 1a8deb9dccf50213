"""What is asked of a database, listened to where it arrives."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from app.store.query import driver


@contextmanager
def asked(connection: sa.Connection) -> Iterator[list[str]]:
    """The statements asked meanwhile; of SQLite, with their values in place."""
    said: list[str] = []
    if connection.dialect.name != "sqlite":

        def heard(_connection: object, _cursor: object, sql: str, *_: object) -> None:
            said.append(sql)

        sa.event.listen(connection, "before_cursor_execute", heard)
        yield said
        sa.event.remove(connection, "before_cursor_execute", heard)
        return

    def note(sql: str) -> None:
        # Not what FTS5 asks on its own account, of its tables or as a comment.
        if not sql.startswith("--") and "search_index_" not in sql:
            said.append(sql)

    driver(connection).set_trace_callback(note)
    try:
        yield said
    finally:
        driver(connection).set_trace_callback(None)


def plan(connection: sa.Connection, sql: str) -> list[str]:
    """The steps by which SQLite finds what a statement reads."""
    return [step for *_, step in driver(connection).execute(f"EXPLAIN QUERY PLAN {sql}")]


class Counting(sqlite3.Connection):
    """Counts what is asked past SQLAlchemy; many rows given at once count as one."""

    calls = 0

    def execute(self, *statement: Any) -> sqlite3.Cursor:
        """Count, and ask."""
        self.calls += 1
        return super().execute(*statement)

    def executemany(self, *statement: Any) -> sqlite3.Cursor:
        """Count, and write."""
        self.calls += 1
        return super().executemany(*statement)
