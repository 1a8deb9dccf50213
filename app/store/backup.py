"""
A copy of the database while it is being written to.

SQLite makes it from one snapshot, without the server's help. The copy is another history from
then on: it gets an epoch of its own, so that no client takes what it remembers for part of it.
"""

import os
import secrets
import sqlite3
from pathlib import Path

from app.store import meta
from app.store.offline import read_only
from app.store.opening import StoreError, reason


def back_up(source: Path, target: Path) -> int:
    """
    Copy the SQLite database ``source`` to the new file ``target``; answers its size in bytes.

    The copy appears under its name when it is complete and on disk, never before.

    Raises:
        StoreError: If there is something at ``target``, or the copy can't be made.

    """
    if target.is_dir() or not target.parent.is_dir():
        raise StoreError(f"{target} can't be made: name a new file in a directory that exists.")
    _refuse_existing(target)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        # SQLite takes an empty file; made by us it is its owner's only.
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with read_only(source) as connection:
            if _tables(connection).isdisjoint({"meta"}):
                raise StoreError(f"{source} is not a database of Parley's.")
            connection.execute("VACUUM INTO ?", (str(draft),))
        _finish(draft)
        _publish(draft, target)
        return target.stat().st_size
    except OSError as exc:
        raise StoreError(f"{target} can't be written: {reason(exc)}.") from exc
    except sqlite3.Error as exc:
        raise StoreError(f"The copy at {target} can't be made: {reason(exc)}.") from exc
    finally:
        draft.unlink(missing_ok=True)


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def _finish(draft: Path) -> None:
    """Give the copy its epoch, and see it to the disk."""
    connection = sqlite3.connect(draft, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (meta.fresh_epoch(),))
    finally:
        connection.close()
    _sync(draft)


def _publish(draft: Path, target: Path) -> None:
    try:
        # Unlike a rename, a link never replaces what somebody has put there meanwhile.
        os.link(draft, target)
    except FileExistsError:
        _refuse_existing(target)
        raise
    except OSError:  # FAT and some network file systems know no links
        _refuse_existing(target)
        draft.rename(target)
    _sync(target.parent)


def _refuse_existing(target: Path) -> None:
    if os.path.lexists(target):
        raise StoreError(f"{target} exists already. A backup replaces nothing: name a new file.")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
