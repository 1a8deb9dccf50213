"""
Accounts that are being erased. It takes several transactions, and what a crash interrupts is
remembered in the row of the user.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from app.domain import names
from app.domain.ids import EventId, Millis, UserId
from app.store import sessions
from app.store import users as user_store
from app.store.tables import users

_KEEP, _BLANK = "keep", "blank"

_UNFINISHED = sa.select(users.c.id).where(users.c.erasing.is_not(None)).order_by(users.c.id)
_SAID = sa.text(
    "SELECT e.id FROM events AS e WHERE e.type = 'message.created' AND e.by = :user"
    " AND e.deleted_at IS NULL AND e.id > :after ORDER BY e.id LIMIT :limit"
)


def begin(connection: sa.Connection, user: UserId, now: Millis, *, blank: bool) -> bool:
    """
    Lock the account for good, and end its log-ins. False if it has been erased already.

    Once its messages are to be blanked they are, whoever asks again.
    """
    found = user_store.lock(connection, user)
    if found is None or found.erased_at is not None:
        return False
    blank = blank or _wish(connection, user) == _BLANK
    user_store.update(
        connection,
        user,
        erasing=_BLANK if blank else _KEEP,
        disabled_at=now if found.disabled_at is None else found.disabled_at,
        password_hash=None,
        is_admin=False,
    )
    sessions.end_all(connection, user, now)
    return True


def rename(connection: sa.Connection, user: UserId, now: Millis) -> None:
    """Leave nothing but a number of the account. Idempotent."""
    found = user_store.lock(connection, user)
    if found is None or found.erased_at is not None:
        return
    user_store.update(
        connection,
        user,
        username=f"{names.DELETED_PREFIX}{user}",
        display_name="",
        erased_at=now,
    )
    # By this one other nodes notice that the name is gone.
    sessions.end_all(connection, user, now)
    sessions.forget(connection, user)


def unfinished(connection: sa.Connection) -> Sequence[UserId]:
    """The accounts whose erasure has begun and is not done."""
    return [UserId(user) for user in connection.execute(_UNFINISHED).scalars()]


def is_renamed(connection: sa.Connection, user: UserId) -> bool:
    """Whether nothing but a number is left of the account."""
    found = user_store.by_id(connection, user)
    return found is not None and found.erased_at is not None


def is_blanking(connection: sa.Connection, user: UserId) -> bool:
    """Whether the messages of a renamed account are still to be blanked."""
    return _wish(connection, user) == _BLANK


def said(connection: sa.Connection, user: UserId, *, after: int, limit: int) -> Sequence[EventId]:
    """Messages of the user that are not deleted, in the order of their keys."""
    bounds = {"user": user, "after": after, "limit": limit}
    return [EventId(id_) for id_ in connection.execute(_SAID, bounds).scalars()]


def finish(connection: sa.Connection, user: UserId) -> None:
    """Nothing is left to do."""
    user_store.update(connection, user, erasing=None)


def _wish(connection: sa.Connection, user: UserId) -> str | None:
    wish: str | None = connection.execute(
        sa.select(users.c.erasing).where(users.c.id == user)
    ).scalar_one_or_none()
    return wish
