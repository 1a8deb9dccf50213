"""What is done to the whole database: migrate, backup, epoch, check."""

from pathlib import Path

from app.commands.exits import CommandError, Misuse
from app.commands.operating import operator
from app.config.settings import Settings
from app.store import epoch as epoch_store
from app.store import migrations
from app.store.backup import back_up
from app.store.checking import Report, check
from app.store.errors import display_name
from app.store.offline import read_offline
from app.store.opening import open_database


async def migrate(settings: Settings) -> str:
    """Bring the database to this version's schema; answers what happened."""
    where = settings.database
    _refuse_memory(settings, "there is nothing to migrate")
    async with open_database(where.kind, where.url, where.path, migrate=True):
        pass
    return f"{display_name(where.url)} is at schema {migrations.latest()}."


async def epoch(settings: Settings, *, new: bool) -> str:
    """What the history is called; a new name, if that is wanted."""
    if new:
        async with operator(settings) as doing:
            return await doing.new_epoch()
    _refuse_memory(settings, "only its server knows")
    return await read_offline(settings.database.url, settings.database.path, epoch_store.read)


async def backup(settings: Settings, target: Path) -> str:
    """Copy the database while it is used."""
    where = settings.database
    if where.kind == "postgresql":
        raise CommandError(
            f"{where.shown} is PostgreSQL: back it up with pg_dump, which is consistent too. "
            "After restoring such a dump, run: parley epoch --new"
        )
    _refuse_memory(settings, "there is nothing to back up")
    assert where.path is not None
    size = back_up(where.path, target)
    return f"Wrote {target}, {size:,} bytes. It has an epoch of its own."


async def examine(settings: Settings) -> Report:
    """Look for what must not be in the log."""
    _refuse_memory(settings, "nobody else can look into it")
    return await read_offline(settings.database.url, settings.database.path, check)


def _refuse_memory(settings: Settings, why: str) -> None:
    if settings.database.in_memory:
        raise Misuse(f"DATABASE_URL: the database is in memory, and {why}.")
