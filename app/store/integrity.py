"""SQLite's own check of a whole file: its structure, and whether indexes have all rows."""

import asyncio
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from .check_rules import KEPT
from .errors import reason

# Rooms whose bounds are not those of their events.
_BOUNDS = f"""
    SELECT r.id FROM rooms AS r WHERE EXISTS
        (SELECT 1 FROM events AS e WHERE e.id = (r.id << 32) + r.head + 1)
    OR EXISTS (SELECT 1 FROM events AS e WHERE e.id = (r.id << 32) + r.first - 1 AND NOT {KEPT})
    OR (r.head >= r.first
        AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.id = (r.id << 32) + r.head)) LIMIT 1
"""


class IntegrityCheck:
    """
    A check that runs in a thread of its own, on a connection that only reads.

    First the structure (``quick_check``, 8 s per GB in memory), then whether every index has what
    its table has (``integrity_check``, 60 s per GB). Each is one statement, and so holds one
    snapshot: until it ends, the WAL is not reset. Owned by the event loop.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False
        )
        self._stopped = False
        self._task = asyncio.create_task(
            asyncio.to_thread(self._run_in_thread), name="integrity check"
        )

    async def result(self, seconds: float | None = None) -> str | None:
        """
        Return what SQLite has found first; None if the file is good, or the check was stopped.

        Safe to cancel, and then it goes on.

        Raises:
            TimeoutError: If it takes longer than ``seconds``; it goes on.

        """
        async with asyncio.timeout(seconds):
            return await asyncio.shield(self._task)

    async def stop(self) -> None:
        """End it, finished or not."""
        self._stopped = True
        while not self._task.done():
            # Nothing happens if the statement has not begun.
            with suppress(sqlite3.ProgrammingError):
                self._connection.interrupt()
            await asyncio.wait([self._task], timeout=0.01)

    def _run_in_thread(self) -> str | None:
        with closing(self._connection) as connection:
            try:
                if (found := wrong_bounds(connection)) is not None:
                    return found
                for check in ("quick_check", "integrity_check"):
                    if self._stopped:
                        return None
                    [found] = connection.execute(f"PRAGMA {check}(1)").fetchone()
                    if found != "ok":
                        return str(found)
            except (sqlite3.Error, UnicodeDecodeError) as exc:
                return None if self._stopped else reason(exc)
        return None


def wrong_bounds(connection: sqlite3.Connection) -> str | None:
    """Return what is wrong with the first or last events of a room, if anything is."""
    is_new = "SELECT count(*) FROM sqlite_master WHERE name = 'events'"
    if connection.execute(is_new).fetchone() == (0,):
        return None
    row = connection.execute(_BOUNDS).fetchone()
    return None if row is None else f"room {row[0]} has not the events that it should have"
