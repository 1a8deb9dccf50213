"""The driver's own connection, for the few statements whose price is counted."""

import sqlite3
from typing import cast

import sqlalchemy as sa


def driver(connection: sa.Connection) -> sqlite3.Connection:
    """
    SQLite's connection under SQLAlchemy's, inside the transaction that is open there.

    A statement takes 4 µs this way and 33 by ``Connection.execute``.
    """
    # SQLAlchemy begins one with the first statement that it sees, and would not see these.
    assert connection.in_transaction()
    return cast(sqlite3.Connection, connection.connection.driver_connection)
