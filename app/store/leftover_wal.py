"""
The ``-wal`` that a process has left which did not end cleanly: whether it belongs to the database.

SQLite applies a ``-wal`` to whatever database lies beside it, and silently ignores all of it from
the first byte on that is damaged. Both would change or lose acknowledged messages without a word.

Nothing here may run while this process has the database open: closing a file releases SQLite's
locks on it.
"""

import os
import sqlite3
from pathlib import Path
from typing import Any, TypedDict

from .errors import StoreError, reason
from .wal_frames import Frames


class OwnFiles(TypedDict):
    """What a running process notes in the lock file, and removes when it has ended cleanly."""

    database: int
    """Inode of the database."""
    wal: int
    """Inode of its ``-wal``."""
    epochs: list[str]
    """Every epoch that the history has had while the process ran."""


def note(path: Path, epochs: list[str]) -> OwnFiles:
    """What to note of an open database."""
    real = os.path.realpath(path)
    return {
        "database": os.stat(real).st_ino,
        "wal": os.stat(f"{real}-wal").st_ino,
        "epochs": epochs,
    }


def note_left(path: Path) -> OwnFiles | None:
    """
    What to note of a database that is about to be replaced, and has a ``-wal``; else None.

    Noted before, it keeps a ``-wal`` that is still there from being applied to the new database.
    """
    real = Path(os.path.realpath(path))
    try:
        files = note(real, [])
    except FileNotFoundError:
        return None
    if (epoch := _epoch_without_wal(real)) is not None:
        files["epochs"].append(epoch)
    return files


def examine(path: Path, noted: Any, *, salvage: bool) -> bool:
    """
    Return whether there is a ``-wal`` beside the database, which SQLite will then apply.

    Blocks, for about a third of a second: it reads the ``-wal``.

    Args:
        noted: The :class:`OwnFiles` that the last process left, if it did not end cleanly.
        salvage: Don't refuse a ``-wal`` that is damaged.

    Raises:
        StoreError: If it was written for another database than the one at ``path``, or if a
            transaction in it that was acknowledged can't be read.

    """
    real = Path(os.path.realpath(path))
    wal = real.with_name(f"{real.name}-wal")
    try:
        size = _page_size(real)
        frames = Frames(wal, size)
    except FileNotFoundError:
        return False
    except OSError as exc:
        raise StoreError(f"{wal} can't be read: {reason(exc)}.") from exc
    if not frames.last:
        return True
    if size is None:
        raise StoreError(
            f"{path} is missing or empty, but {wal.name} is there and has messages of it. Put "
            f"the database back beside it. To begin with an empty one, move {wal.name} away."
        )
    if size != frames.page_size or not _is_own(real, wal, noted):
        raise StoreError(
            f"{wal} was written for another database than this {real.name}. After restoring a "
            f"backup, move {wal.name} and {real.name}-shm away, and start again. If they do "
            f"belong together, delete {real.name}.lock instead."
        )
    if frames.acknowledged_is_lost and not salvage:
        raise StoreError(
            f"{wal} is damaged in frame {frames.intact + 1} of {frames.last}: acknowledged "
            "messages after it can't be read. Restore a backup; or, to go on without them, run: "
            "parley epoch --new"
        )
    return True


def _page_size(database: Path) -> int | None:
    """None if there is no database."""
    try:
        with database.open("rb") as file:
            header = file.read(100)
    except FileNotFoundError:
        return None
    if not header:
        return None
    size = int.from_bytes(header[16:18], "big")
    return 65_536 if size == 1 else size


def _is_own(database: Path, wal: Path, noted: Any) -> bool:
    """Whether the two files are those of the last process, as far as is known."""
    try:
        same_wal = wal.stat().st_ino == noted["wal"]
        if same_wal and database.stat().st_ino != noted["database"]:
            return False
        epoch = _epoch_without_wal(database)
        return epoch is None or epoch in noted["epochs"]
    except (KeyError, TypeError):
        return True


def _epoch_without_wal(database: Path) -> str | None:
    """The epoch in the database file itself; None if it has none yet, or can't be read alone."""
    try:
        connection = sqlite3.connect(f"{database.as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            found = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        finally:
            connection.close()
    except sqlite3.Error:
        return None
    return None if found is None else str(found[0])
