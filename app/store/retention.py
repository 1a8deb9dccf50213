"""
How long rooms keep their events, and removing the events that are older.

Only the oldest events are removed: a log begins at ``first`` and has no gap after it.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from ..domain.ids import Millis, RoomId, event_id
from . import search_index
from .database import DbConnection
from .tables import rooms

_DAY_MS = 86_400_000

# The oldest event alone tells whether there is anything to remove.
_DUE = sa.text(
    "SELECT r.id FROM rooms AS r WHERE r.head - r.first + 1 > r.retention_events"
    " OR EXISTS (SELECT 1 FROM events AS e WHERE e.id = (r.id << 32 | r.first)"
    f" AND e.at < CAST(:now AS bigint) - r.retention_days * {_DAY_MS}) ORDER BY r.id"
)
_OLDEST_KEPT = sa.text(
    "SELECT min(id) FROM events WHERE id >= :low AND id < :high AND at >= :since"
)
_REMOVE = (
    sa.text("DELETE FROM reactions WHERE event_id >= :low AND event_id < :high"),
    sa.text("DELETE FROM mentions WHERE event_id >= :low AND event_id < :high"),
    sa.text("DELETE FROM events WHERE id >= :low AND id < :high"),
)


def set_limits(
    connection: DbConnection, room: RoomId, *, days: int | None, events: int | None
) -> None:
    """Set how many days or how many events a room keeps; neither: all events."""
    change = sa.update(rooms).where(rooms.c.id == room)
    connection.execute(change.values(retention_days=days, retention_events=events))


def due(connection: DbConnection, now: Millis) -> Sequence[RoomId]:
    """Return the rooms that hold more than they are to keep."""
    return [RoomId(room) for (room,) in connection.execute(_DUE, {"now": now})]


def remove_oldest(connection: DbConnection, room: RoomId, now: Millis, limit: int) -> int | None:
    """
    Remove at most ``limit`` events that are no longer to be kept, with what refers to them.

    Returns the new ``first``; None if there was nothing to remove.
    """
    # The lock that the committer takes, and as the first one, as the committer does.
    row = connection.execute(
        sa.select(rooms.c.head, rooms.c.first, rooms.c.retention_days, rooms.c.retention_events)
        .where(rooms.c.id == room)
        .with_for_update(key_share=True)
    ).one()
    stop = min(row.first + limit, row.head + 1)
    start = event_id(room, 0)
    first = row.first
    if row.retention_events is not None:
        first = min(stop, row.head + 1 - row.retention_events)
    elif row.retention_days is not None:
        since = now - row.retention_days * _DAY_MS
        bounds = {"low": start + row.first, "high": start + stop, "since": since}
        kept = connection.execute(_OLDEST_KEPT, bounds).scalar_one()
        first = stop if kept is None else kept - start
    if first <= row.first:
        return None
    search_index.remove_before(connection, room, first)
    for statement in _REMOVE:
        connection.execute(statement, {"low": start + row.first, "high": start + first})
    connection.execute(sa.update(rooms).where(rooms.c.id == room).values(first=first))
    return int(first)
