"""
What a move notes in the two databases, and what it refuses to begin with.

While it runs, the target has the row ``moving`` in ``meta``, with the epoch that it comes from. A
source that was moved has the row ``moved``, with the address where it went. Servers open neither.
"""

from enum import Enum

import sqlalchemy as sa

from ..domain.ids import SEQ_BITS
from .database import Database, DbConnection
from .errors import StoreError, display_name
from .table_pages import EVENTS, OTHERS, Row, TablePages
from .tables import meta

_MOVED, _MOVING, _EPOCH = "moved", "moving", "epoch"
# Rows of `meta` that are about one database, and not about the installation in it.
_LOCAL_KEYS = frozenset({_MOVED, _MOVING, "rewritten", "search_words", "checksums"})
# The epoch is written when a move begins: without one a database can't be opened to go on.
_KEPT_KEYS = _LOCAL_KEYS | {_EPOCH}

_IS_USED = sa.text(
    "SELECT EXISTS (SELECT 1 FROM users) OR EXISTS (SELECT 1 FROM events WHERE id <> :first)"
)
_FIRST_EVENT = {"first": 1 << SEQ_BITS | 1}


class Found(Enum):
    """What is at the address of a target."""

    EMPTY = "no tables"
    UNUSED = "an installation without accounts and messages"
    MOVING = "an earlier run of a move"
    USED = "anything else"


def look(connection: DbConnection) -> tuple[Found, str | None]:
    """Return what is there, and the epoch that it has or comes from. The schema may be any."""
    names = set(sa.inspect(connection.sqlalchemy).get_table_names())
    if not names:
        return Found.EMPTY, None
    if not names >= {"meta", "users", "events"}:
        return Found.USED, None
    if (epoch := _read(connection, _MOVING)) is not None:
        return Found.MOVING, epoch
    is_used = connection.execute(_IS_USED, _FIRST_EVENT).scalar_one()
    return Found.USED if is_used else Found.UNUSED, _read(connection, _EPOCH)


def begin(connection: DbConnection, epoch: str, url: str) -> None:
    """
    Make the database the target of a move from the history ``epoch``, or go on with it.

    Raises:
        StoreError: If it is used, or the target of another move. Nothing is changed then.

    """
    refuse(*look(connection), epoch, url)
    if _read(connection, _MOVING) is None:
        clear_others(connection)
        EVENTS.clear(connection)
        connection.execute(sa.insert(meta).values(key=_MOVING, value=epoch))
        connection.execute(sa.update(meta).where(meta.c.key == _EPOCH).values(value=epoch))


def refuse(found: Found, found_epoch: str | None, epoch: str, url: str) -> None:
    """
    Return if a move from the history ``epoch`` can begin, or go on, in what was found.

    Raises:
        StoreError: If not.

    """
    name = display_name(url)
    if found is Found.USED:
        raise StoreError(f"{name} is not empty. Name a database without tables, or a new file.")
    if found is Found.UNUSED and found_epoch == epoch:
        raise StoreError(f"{name} is the database itself. Name another one.")
    if found is Found.MOVING and found_epoch != epoch:
        raise StoreError(
            f"{name} is the target of a move from another database, which has not ended. Name "
            "another one."
        )


def clear_others(connection: DbConnection) -> None:
    """Delete the rows of all tables but the events, and of ``meta`` those that are copied."""
    for table in reversed(OTHERS):
        if table.table is meta:
            connection.execute(sa.delete(meta).where(meta.c.key.not_in(_KEPT_KEYS)))
        else:
            table.clear(connection)


def is_moved(table: TablePages, row: Row) -> bool:
    """Whether a row of a table is about the installation, and so the same in both databases."""
    return table.table is not meta or row[0] not in _LOCAL_KEYS


def is_copied(table: TablePages, row: Row) -> bool:
    """Whether a row of a table is copied after :func:`begin`, which has written the epoch."""
    return table.table is not meta or row[0] not in _KEPT_KEYS


def end(connection: DbConnection) -> None:
    """Let servers open the target."""
    connection.execute(sa.delete(meta).where(meta.c.key == _MOVING))


def mark_moved(connection: DbConnection, to: str) -> None:
    """Let no server open this database, which is at ``to`` now."""
    connection.execute(sa.delete(meta).where(meta.c.key == _MOVED))
    connection.execute(sa.insert(meta).values(key=_MOVED, value=to))


def moved_to(connection: DbConnection) -> str | None:
    """Return where the database was moved to, without a password; None if it was not."""
    return _read(connection, _MOVED)


def require_not_moved(connection: DbConnection, url: str) -> None:
    """
    Return if the database was not moved.

    Raises:
        StoreError: If it was.

    """
    if (to := moved_to(connection)) is not None:
        raise StoreError(f"{display_name(url)} was moved to {to} already.")


async def ensure_in_place(database: Database, url: str) -> None:
    """
    Return if servers and commands may use the database.

    Raises:
        StoreError: If it was moved, or a move to it has not ended.

    """
    moved, moving = await database.read(lambda c: (_read(c, _MOVED), _read(c, _MOVING)))
    if moved is not None:
        raise StoreError(
            f"{display_name(url)} was moved to {moved}: set DATABASE_URL to that database."
        )
    if moving is not None:
        raise StoreError(
            f"{display_name(url)} is the target of a move that has not ended: run parley move "
            "again with the settings of the source."
        )


def _read(connection: DbConnection, key: str) -> str | None:
    found: str | None = connection.execute(
        sa.select(meta.c.value).where(meta.c.key == key)
    ).scalar_one_or_none()
    return found
