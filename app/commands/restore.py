"""``parley restore``: a backup in the place of the database of a stopped server."""

import os
import secrets
import time
from pathlib import Path

from ..config.settings import Settings
from ..domain.server_limits import LOCK_WAIT_SECONDS
from ..store import leftover_wal, restoring
from ..store.backup import back_up
from ..store.checking import Report, check
from ..store.offline import read_offline
from ..store.opening import lock_file, open_database
from .counted import counted
from .exit_codes import CommandError, Misuse


async def restore(settings: Settings, source: Path, *, force: bool) -> str:
    """
    Replace the SQLite database by a copy of ``source``, with a new epoch; returns a line to print.

    The copy is made, brought to this version's schema and checked before anything is replaced. The
    database that was there is kept beside it. ``source`` is only read.

    Args:
        force: Whether a backup in which ``parley check`` finds something is used all the same.

    Raises:
        Misuse: If the database is in memory, or ``source`` is the database itself.
        Locked: If a server or another command is using the database.
        StoreError: If ``source`` is no sound database, or the database can't be replaced.
        CommandError: If the database is PostgreSQL, or the check has found something.

    """
    where = settings.database
    if where.kind == "postgresql":
        raise CommandError(
            f"{where.shown} is PostgreSQL: restore it with pg_restore or psql while no server "
            "runs, and then run: parley epoch --new"
        )
    if where.in_memory or where.path is None:
        raise Misuse("DATABASE_URL: the database is in memory, and there is nothing to replace.")
    path = _target(where.path, source)
    lock = await lock_file(path, None, LOCK_WAIT_SECONDS)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.restore")
    try:
        report = await _prepare(source, draft, force=force)
        if lock.left is None:
            # If this process is killed now, the next one tells which files belong together.
            lock.note(leftover_wal.note_left(path))
        began = time.strftime(".before-%Y%m%dT%H%M%SZ", time.gmtime())
        kept = restoring.replace(path, draft, restoring.unused_suffix(path, began))
        # What an earlier process has noted is of the database that is no longer there.
        lock.note(None)
    finally:
        restoring.remove(draft)
        lock.release()
    before = "" if kept is None else f" The database that was there is kept as {kept}."
    return (
        f"Restored {where.path} from {source}: {counted(report.rooms, 'room')}, "
        f"{counted(report.events, 'event')}, with an epoch of its own.{before}"
    )


def _target(path: Path, source: Path) -> Path:
    """The file to replace: what a link leads to."""
    path = Path(os.path.realpath(path))
    if source.exists() and path.exists() and source.samefile(path):
        raise Misuse(f"{source} is the database itself. Name a backup of it.")
    return path


async def _prepare(source: Path, draft: Path, *, force: bool) -> Report:
    """Make the new database beside the old one, and check it."""
    restoring.refuse_unusable(source)
    # With a new epoch, and without what was deleted.
    back_up(source, draft)
    url = f"sqlite:///{draft}"
    async with open_database("sqlite", url, draft, migrate=True, wait=0):
        pass
    report = await read_offline(url, draft, check)
    if report.findings and not force:
        raise CommandError(
            f"{source} was not restored: parley check has "
            f"{counted(len(report.findings), 'finding')} in it, the first: {report.findings[0]}. "
            "To use it all the same, add --force."
        )
    return report
