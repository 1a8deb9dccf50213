"""Whether a database is at the schema of this version, and bringing it there."""

import sqlite3
from functools import partial

import sqlalchemy as sa

from ..domain.errors import Unavailable
from . import checksum_backfill, migrations
from .database import Database, DbConnection
from .errors import StoreError, display_name, unusable

# Of two nodes that migrate at once the second waits, and then finds nothing to do.
_LOCK_MIGRATIONS = sa.text("SELECT pg_advisory_xact_lock(7240117)")


async def ensure_current(database: Database, url: str, *, migrate: bool) -> None:
    """
    Return when the schema is this version's.

    Args:
        migrate: Whether an older schema is upgraded or refused.

    Raises:
        StoreError: If the schema is a newer version's, or must not be upgraded.

    """
    try:
        if database.shared:
            # A connection that may write is refused where commits are not safe.
            await database.write(lambda connection: None)
        found = await database.read(migrations.current)
        if found == migrations.latest():
            return
        refuse_newer(found, url)
        if not migrate:
            raise StoreError(outdated(found, url))
        await database.write(partial(_upgrade, url=url))
    except Unavailable as exc:
        raise StoreError(unusable(url, exc.__cause__)) from exc
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as exc:
        raise StoreError(unusable(url, exc)) from exc


def require_current(connection: DbConnection, url: str) -> None:
    """
    Return if the schema is this version's.

    Raises:
        StoreError: If it is not.

    """
    found = migrations.current(connection)
    if found != migrations.latest():
        refuse_newer(found, url)
        raise StoreError(outdated(found, url))


def outdated(found: str | None, url: str) -> str:
    """Return the sentence for a database of an older version."""
    state = "is empty" if found is None else f"is at schema {found}"
    return (
        f"{display_name(url)} {state}, and this Parley needs schema {migrations.latest()}: "
        "run: parley migrate"
    )


def refuse_newer(found: str | None, url: str) -> None:
    """
    Return unless a newer version made the database.

    Raises:
        StoreError: If one did.

    """
    if found is not None and not migrations.is_known(found):
        raise StoreError(
            f"{display_name(url)} was made by a newer Parley: its schema {found} is not known "
            "here. Install that version, or restore a backup from before."
        )


def _upgrade(connection: DbConnection, url: str) -> None:
    if not connection.is_only_writer:
        connection.execute(_LOCK_MIGRATIONS)
    found = migrations.current(connection)
    if found != migrations.latest():
        refuse_newer(found, url)
        migrations.upgrade(connection)
        if found is None:
            # A new installation has one event, without a checksum.
            checksum_backfill.advance(connection, 2)
