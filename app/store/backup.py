"""
A copy of a SQLite database that is in use.

SQLite makes it from one snapshot, without the server's help. From then on the copy is another
history: it gets an epoch of its own, so that clients of the original start afresh with it.
"""

import os
import secrets
import sqlite3
from contextlib import suppress
from pathlib import Path

from . import epoch
from .errors import StoreError, reason
from .offline import open_read_only


def back_up(source: Path, target: Path) -> int:
    """
    Copy the SQLite database ``source`` to the new file ``target``; return its size in bytes.

    Blocks. The copy appears under its name when it is complete and on disk, never before.

    Raises:
        StoreError: If something exists at ``target``, or the copy can't be made.

    """
    if target.is_dir() or not target.parent.is_dir():
        raise StoreError(f"{target} can't be made: name a new file in a directory that exists.")
    _refuse_existing(target)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        # SQLite accepts an empty file, and created here it is readable by its owner alone.
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with open_read_only(source) as connection:
            if _tables(connection).isdisjoint({"meta"}):
                raise StoreError(f"{source} is not a Parley database.")
            connection.execute("VACUUM INTO ?", (str(draft),))
        _finish(draft)
        _publish(draft, target)
        return target.stat().st_size
    except OSError as exc:
        raise StoreError(f"{target} can't be written: {reason(exc)}.") from exc
    except sqlite3.Error as exc:
        raise StoreError(f"The copy at {target} can't be made: {reason(exc)}.") from exc
    finally:
        # On a file system that is read-only there is none.
        with suppress(OSError):
            draft.unlink()


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def _finish(draft: Path) -> None:
    """Purge the copy of deleted words, give it its epoch, and wait until it is on disk."""
    connection = sqlite3.connect(draft, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=ON")
        tables = _tables(connection)
        if "search_index" in tables:
            # The index still holds what was deleted: see app/store/search_purge.py.
            connection.execute("INSERT INTO search_index (search_index) VALUES ('optimize')")
        # VACUUM INTO has copied nothing that was deleted.
        connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('rewritten', '1')")
        # A copy of a database that was moved is a database in its own right.
        connection.execute("DELETE FROM meta WHERE key = 'moved'")
        connection.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (epoch.generate(),))
    finally:
        connection.close()
    sync(draft)


def _publish(draft: Path, target: Path) -> None:
    try:
        # Unlike a rename, a link never replaces a file that has appeared meanwhile.
        os.link(draft, target)
    except FileExistsError:
        _refuse_existing(target)
        raise
    except OSError:  # FAT and some network file systems have no links
        _refuse_existing(target)
        draft.rename(target)
    sync(target.parent)


def _refuse_existing(target: Path) -> None:
    if os.path.lexists(target):
        raise StoreError(f"{target} exists already. A backup replaces nothing: name a new file.")


def sync(path: Path) -> None:
    """Wait until a file or a folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
