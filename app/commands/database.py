"""Commands on the whole database: migrate, backup, epoch, check."""

from pathlib import Path

from ..config.settings import Settings
from ..store import epoch as epoch_store
from ..store import migrations
from ..store.backup import back_up
from ..store.checking import Report, check
from ..store.errors import display_name
from ..store.offline import read_offline
from ..store.opening import open_database
from .admin_backend import open_admin
from .exit_codes import CommandError, Misuse


async def migrate(settings: Settings) -> str:
    """Migrate the database to this version's schema; returns a line to print."""
    where = settings.database
    _refuse_memory(settings, "there is nothing to migrate")
    async with open_database(where.kind, where.url, where.path, migrate=True):
        pass
    return f"{display_name(where.url)} is at schema {migrations.latest()}."


async def epoch(settings: Settings, *, new: bool) -> str:
    """Return the epoch, after replacing it if ``new``."""
    if new:
        # A new epoch is how the operator accepts that the end of the history is lost.
        async with open_admin(settings, salvage=True) as admin:
            return await admin.new_epoch()
    _refuse_memory(settings, "only the server that has it can read it")
    return await read_offline(settings.database.url, settings.database.path, epoch_store.read)


async def backup(settings: Settings, target: Path) -> str:
    """Back up the SQLite database, also while it is in use; returns a line to print."""
    where = settings.database
    if where.kind == "postgresql":
        raise CommandError(
            f"{where.shown} is PostgreSQL: back it up with pg_dump, which is consistent too. "
            "After restoring such a dump, run: parley epoch --new"
        )
    _refuse_memory(settings, "there is nothing to back up")
    assert where.path is not None
    size = back_up(where.path, target)
    return f"Wrote {target}, {size:,} bytes. The backup has an epoch of its own."


async def examine(settings: Settings) -> Report:
    """Check the log for inconsistencies, reading only."""
    _refuse_memory(settings, "only the server that has it can read it")
    return await read_offline(settings.database.url, settings.database.path, check)


def _refuse_memory(settings: Settings, why: str) -> None:
    if settings.database.in_memory:
        raise Misuse(f"DATABASE_URL: the database is in memory, and {why}.")
