"""
Where a client has got to in each room, kept across restarts.

A cursor is the ``seq`` of the last event that the application has handled, and the epoch, which
names the history that it belongs to. Saved after the event was handled: after a crash, the last
events may come again, and none is left out.
"""

import json
import os
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last event that was handled, in the history that ``epoch`` names."""

    seq: int
    epoch: str


class CursorStore(Protocol):
    """
    Keeps cursors. Called in the event loop, so it must be quick; an exception ends the iteration.

    ``key`` names server, account and room, so that one store can serve several clients.
    """

    def load(self, key: str) -> Cursor | None:
        """The saved cursor, if there is one."""

    def save(self, key: str, cursor: Cursor) -> None:
        """Replace the saved cursor."""


class MemoryCursors:
    """Forgotten with the object. A client that is opened again with it resumes."""

    def __init__(self) -> None:
        self._cursors: dict[str, Cursor] = {}

    def load(self, key: str) -> Cursor | None:
        """The saved cursor, if there is one."""
        return self._cursors.get(key)

    def save(self, key: str, cursor: Cursor) -> None:
        """Replace the saved cursor."""
        self._cursors[key] = cursor


class FileCursors:
    """
    A JSON file, replaced as a whole: it is never half written. For one process at a time.

    Raises:
        ValueError: If the file exists and is something else.

    """

    def __init__(self, file: str | os.PathLike[str]) -> None:
        self._file = Path(file)
        self._cursors: dict[str, Cursor] = {}
        if self._file.exists():
            try:
                found = json.loads(self._file.read_text("utf-8"))
                self._cursors = {
                    key: Cursor(int(seq), str(epoch)) for key, (seq, epoch) in found.items()
                }
            except (ValueError, TypeError, AttributeError) as exc:
                raise ValueError(f"{self._file} is not a file of cursors.") from exc

    def load(self, key: str) -> Cursor | None:
        """The saved cursor, if there is one."""
        return self._cursors.get(key)

    def save(self, key: str, cursor: Cursor) -> None:
        """Replace the saved cursor."""
        self._cursors[key] = cursor
        saved = {key: [each.seq, each.epoch] for key, each in self._cursors.items()}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._file.parent, prefix=f".{self._file.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(saved, file)
            os.replace(name, self._file)
        except BaseException:
            os.unlink(name)
            raise


class SqliteCursors:
    """
    A table ``parley_cursors`` in a SQLite file, which may be the application's own.

    A cursor that belongs to state in the same file can be saved in the transaction that changes
    the state: pass the connection, and commit yourself.
    """

    def __init__(self, database: str | os.PathLike[str] | sqlite3.Connection) -> None:
        self._shared = database if isinstance(database, sqlite3.Connection) else None
        self._path = "" if isinstance(database, sqlite3.Connection) else os.fspath(database)
        with closing(self._connect()) as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS parley_cursors"
                " (key TEXT PRIMARY KEY, seq INTEGER NOT NULL, epoch TEXT NOT NULL)"
            )

    def load(self, key: str) -> Cursor | None:
        """The saved cursor, if there is one."""
        with closing(self._connect()) as connection:
            row = connection.execute(
                "SELECT seq, epoch FROM parley_cursors WHERE key = ?", (key,)
            ).fetchone()
        return None if row is None else Cursor(row[0], row[1])

    def save(self, key: str, cursor: Cursor) -> None:
        """Replace the saved cursor."""
        with closing(self._connect()) as connection:
            connection.execute(
                "INSERT INTO parley_cursors VALUES (?, ?, ?)"
                " ON CONFLICT (key) DO UPDATE SET seq = excluded.seq, epoch = excluded.epoch",
                (key, cursor.seq, cursor.epoch),
            )

    def _connect(self) -> "sqlite3.Connection | _Borrowed":
        if self._shared is not None:
            return _Borrowed(self._shared)
        return sqlite3.connect(self._path, isolation_level=None, timeout=5.0)


class _Borrowed:
    """A connection that closing leaves open."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.execute = connection.execute

    def close(self) -> None:
        """Nothing: it belongs to the application."""


class SavedCursor:
    """One room's cursor in a store, written when it has changed and not too often."""

    def __init__(self, store: CursorStore, key: str, every_seconds: float) -> None:
        self._store = store
        self._key = key
        self._every = every_seconds
        self._saved: Cursor | None = None
        self._at = 0.0

    def load(self) -> Cursor | None:
        """What the store has."""
        self._saved = self._store.load(self._key)
        return self._saved

    def save(self, cursor: Cursor | None, *, at_once: bool) -> None:
        """Save it, if it names its history; unless ``at_once``, not if it was just saved."""
        if cursor is None or cursor == self._saved or not cursor.epoch:
            return
        now = time.monotonic()
        if at_once or now - self._at >= self._every:
            self._store.save(self._key, cursor)
            self._saved, self._at = cursor, now
