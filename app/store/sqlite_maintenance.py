"""What is done to a SQLite file as a whole, outside of transactions, by the one that writes."""

import sqlite3

from ..domain.server_limits import SQLITE_CHECKPOINT_MS


def checkpoint(sqlite: sqlite3.Connection) -> bool:
    """Move the write-ahead log into the file and empty it; False if a reader still needs it."""
    ((before,),) = sqlite.execute("PRAGMA busy_timeout").fetchall()
    sqlite.execute(f"PRAGMA busy_timeout={SQLITE_CHECKPOINT_MS}")
    try:
        ((busy, _, _),) = sqlite.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        sqlite.execute(f"PRAGMA busy_timeout={before}")
    return not busy


def rewrite(sqlite: sqlite3.Connection) -> None:
    """Write the file anew, without what the unused parts of its pages hold."""
    sqlite.execute("VACUUM")
    checkpoint(sqlite)
