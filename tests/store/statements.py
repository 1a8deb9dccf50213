"""What a database is asked to do, observed at the driver: statements, and the work they cost."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from app.store.database import DbConnection
from app.store.sqlite_connection import SqliteConnection

# How often SQLite's progress handler runs: fine enough to tell a page from a scan.
_OPCODES = 10


@contextmanager
def recorded(connection: DbConnection) -> Iterator[list[str]]:
    """The statements that SQLite executes in the block, with their values in place."""
    statements: list[str] = []
    assert isinstance(connection, SqliteConnection)
    connection.driver.set_trace_callback(statements.append)
    try:
        yield statements
    finally:
        connection.driver.set_trace_callback(None)


def is_constant(small: int, large: int) -> bool:
    """
    Whether a cost in opcodes does not grow with the table.

    The handler counts in steps, so that equal costs differ by a few; a scan would add thousands.
    """
    return large <= small * 1.1 + 100


def opcodes(connection: DbConnection, work: Callable[[DbConnection], Any]) -> int:
    """
    How many steps SQLite's virtual machine takes for ``work``.

    A measure of cost that does not depend on the machine, or on what else runs on it.
    """
    assert isinstance(connection, SqliteConnection)
    raw = connection.driver
    count = 0

    def progress() -> int:
        nonlocal count
        count += _OPCODES
        return 0

    raw.set_progress_handler(progress, _OPCODES)
    try:
        work(connection)
    finally:
        raw.set_progress_handler(None, 0)
    return count


class CountingConnection(sqlite3.Connection):
    """Counts the statements executed; many rows in one ``executemany`` count as one."""

    calls = 0

    def execute(self, *statement: Any) -> sqlite3.Cursor:
        """Count, and execute."""
        self.calls += 1
        return super().execute(*statement)

    def executemany(self, *statement: Any) -> sqlite3.Cursor:
        """Count, and execute."""
        self.calls += 1
        return super().executemany(*statement)
