"""
Accounts that are being erased, in several transactions.

The row of the user holds the state, so that an erasure continues after a crash.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from ..domain import names
from ..domain.ids import EventId, Millis, RoomId, UserId
from . import erased_names, sessions, user_words
from . import users as user_store
from .database import DbConnection
from .tables import meta, users

_KEEP, _BLANK = "keep", "blank"

_UNFINISHED = sa.select(users.c.id).where(users.c.erasing.is_not(None)).order_by(users.c.id)
_MARK = sa.text(
    "INSERT INTO meta (key, value) VALUES (:key, :value)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_MESSAGES = sa.text(
    "SELECT e.id FROM events AS e WHERE e.type = 'message.created' AND e.by = :user"
    " AND e.deleted_at IS NULL AND e.id > :after ORDER BY e.id LIMIT :limit"
)


def begin(connection: DbConnection, user: UserId, now: Millis, *, blank: bool) -> bool:
    """
    Disable the account for good, and end its log-ins. Return False if it is erased already.

    Args:
        blank: Whether its messages are to be blanked. Can't be taken back by another call.

    """
    found = user_store.lock(connection, user)
    if found is None or found.erased_at is not None:
        return False
    blank = blank or _state(connection, user) == _BLANK
    user_store.update(
        connection,
        user,
        erasing=_BLANK if blank else _KEEP,
        disabled_at=now if found.disabled_at is None else found.disabled_at,
        password_hash=None,
        password_normalized=False,
        is_admin=False,
    )
    sessions.end_all(connection, user, now)
    return True


def rename(connection: DbConnection, user: UserId, now: Millis) -> None:
    """Remove everything but the id of the account and a hash of its name. Idempotent."""
    found = user_store.lock(connection, user)
    if found is None or found.erased_at is not None:
        return
    erased_names.add(connection, found.username)
    user_store.update(
        connection,
        user,
        username=names.erased_username(user),
        display_name="",
        erased_at=now,
    )
    user_words.replace(connection, user, "", "")
    # From this revocation other nodes learn that the name is gone.
    sessions.end_all(connection, user, now)
    sessions.delete_all(connection, user)


def is_announced(connection: DbConnection, user: UserId, room: RoomId) -> bool:
    """Whether the erasure has been announced in ``room``: rooms come in the order of their ids."""
    found = connection.execute(sa.select(meta.c.value).where(meta.c.key == _progress(user)))
    last = found.scalar_one_or_none()
    return last is not None and room <= int(last)


def mark_announced(connection: DbConnection, user: UserId, room: RoomId) -> None:
    """Note, in the transaction that announces it there, that no later try has to."""
    connection.execute(_MARK, {"key": _progress(user), "value": str(room)})


def unfinished(connection: DbConnection) -> Sequence[UserId]:
    """Return the accounts whose erasure has begun and is not finished."""
    return [UserId(user) for user in connection.execute(_UNFINISHED).scalars()]


def is_renamed(connection: DbConnection, user: UserId) -> bool:
    """Whether nothing but the id is left of the account."""
    found = user_store.by_id(connection, user)
    return found is not None and found.erased_at is not None


def is_blanking(connection: DbConnection, user: UserId) -> bool:
    """Whether the messages of a renamed account are still to be blanked."""
    return _state(connection, user) == _BLANK


def messages_of(
    connection: DbConnection, user: UserId, *, after: int, limit: int
) -> Sequence[EventId]:
    """Return messages of the user that are not deleted, in the order of their ids."""
    bounds = {"user": user, "after": after, "limit": limit}
    return [EventId(id_) for id_ in connection.execute(_MESSAGES, bounds).scalars()]


def finish(connection: DbConnection, user: UserId) -> None:
    """Mark the erasure as finished."""
    connection.execute(sa.delete(meta).where(meta.c.key == _progress(user)))
    user_store.update(connection, user, erasing=None)


def _progress(user: UserId) -> str:
    return f"erasing {user}"


def _state(connection: DbConnection, user: UserId) -> str | None:
    state: str | None = connection.execute(
        sa.select(users.c.erasing).where(users.c.id == user)
    ).scalar_one_or_none()
    return state
