"""
Putting a backup in the place of a SQLite database that no process uses.

The database that was there is kept beside it. Whenever the process is killed, the old database or
the new one is at the path, complete; at worst with the other one's ``-wal``, which Parley refuses
(:mod:`app.store.leftover_wal`).
"""

import os
from itertools import count
from pathlib import Path

from . import migrations
from .backup import sync
from .errors import StoreError, reason
from .offline import open_read_only, run_read_only
from .schema_version import refuse_newer

_SIDES = ("-wal", "-shm")


def refuse_unusable(source: Path) -> None:
    """
    Return if ``source`` is a sound SQLite database, and not of a newer version. Blocks.

    Raises:
        StoreError: If it is not.

    """
    with open_read_only(source) as connection:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise StoreError(f"{source} is damaged: {found.splitlines()[-1]}.")
        refuse_newer(run_read_only(connection, migrations.current), f"sqlite:///{source}")


def unused_suffix(path: Path, wanted: str) -> str:
    """
    Return ``wanted``, or with a number if a database of this name is kept already.

    An earlier restore, or one that was killed, may have begun in the same second.
    """
    for number in count(2):
        if not any(Path(f"{path}{wanted}{side}").exists() for side in ("", "-wal")):
            break
        wanted = f"{wanted.split('_')[0]}_{number}"
    return wanted


def replace(path: Path, draft: Path, suffix: str) -> Path | None:
    """
    Put ``draft`` in the place of the database at ``path``; return where that is kept now.

    Blocks. The caller holds the lock of ``path``, and has nothing open. The draft is closed, and
    in the same folder.

    Args:
        suffix: What is added to the name of the database that was there.

    Raises:
        StoreError: If it can't be done; then the old database is still there.

    """
    kept = path.with_name(path.name + suffix)
    try:
        if os.geteuid() == 0:
            # Run as root, it must leave a database that the server can open.
            owner = (path if path.exists() else path.parent).stat()
            os.chown(draft, owner.st_uid, owner.st_gid)
        for side in ("", "-wal"):
            _keep(f"{path}{side}", f"{kept}{side}")
        sync(path.parent)
        draft.rename(path)
        for side in _SIDES:
            Path(f"{path}{side}").unlink(missing_ok=True)
        sync(path.parent)
    except OSError as exc:
        raise StoreError(f"{path} can't be replaced: {reason(exc)}.") from exc
    return kept if kept.exists() else None


def _keep(path: str, kept: str) -> None:
    """Give a file a second name, if it holds anything; where there are no links, only this one."""
    try:
        if not os.stat(path).st_size:
            return
        os.link(path, kept)
    except FileNotFoundError:
        return
    except FileExistsError:
        raise
    except OSError:  # FAT and some network file systems have no links
        Path(path).rename(kept)


def remove(draft: Path) -> None:
    """Remove what is left of a draft."""
    for side in ("", ".lock", *_SIDES):
        Path(f"{draft}{side}").unlink(missing_ok=True)
