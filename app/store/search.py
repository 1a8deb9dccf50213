"""Searching messages, in the rooms that the user may read. The index: ``search_index``."""

from collections.abc import Sequence

import sqlalchemy as sa

from ..domain.ids import SEQ_BITS, EventId, UserId
from .bulk import BulkStatement
from .database import DbConnection
from .search_index import Phrases, Scope

_ROOM_NAMES = BulkStatement(
    "SELECT rooms.id, rooms.name FROM {keys} JOIN rooms ON rooms.id = k.id", id="bigint"
)
_NUMBER = sa.text("SELECT id FROM search_documents WHERE event_id = :event")
_AFTER_ALL = 2**62

_MEMBERSHIPS = sa.text(
    "SELECT m.room_id, m.role, r.kind FROM members AS m JOIN rooms AS r ON r.id = m.room_id"
    " WHERE m.user_id = :user AND ((m.role IS NOT NULL AND r.kind <> 'public')"
    " OR (m.role IS NULL AND r.kind = 'public' AND m.banned_until > :now))"
)


def readable_rooms(connection: DbConnection, user: UserId, by: UserId | None, now: int) -> Scope:
    """Return the scope of all rooms that ``user`` may read, for messages by ``by``."""
    found = connection.execute(_MEMBERSHIPS, {"user": user, "now": now}).all()
    return Scope(
        rooms=[room for room, role, _ in found if role is not None],
        public=True,
        excluded=[room for room, role, _ in found if role is None],
        by=by,
    )


def find(
    connection: DbConnection,
    phrases: Phrases,
    scope: Scope,
    *,
    before: EventId | None,
    limit: int,
) -> list[EventId]:
    """
    Return the newest messages that contain all ``phrases``.

    Args:
        before: Only messages before this one; nothing is found if it is no longer indexed.

    """
    start = _AFTER_ALL
    if before is not None:
        start = connection.execute(_NUMBER, {"event": before}).scalar_one_or_none() or 0
    return connection.search_index.find(connection, phrases, scope, before=start, limit=limit)


def room_names(connection: DbConnection, found: Sequence[EventId]) -> dict[EventId, str]:
    """Return the name of the room of each message."""
    keys = {(event >> SEQ_BITS,) for event in found}
    names = dict(map(tuple, _ROOM_NAMES.rows(connection, keys))) if keys else {}
    return {event: names[event >> SEQ_BITS] for event in found}
