"""
How long rooms keep their events, and removing the events that are older.

Only the oldest events are removed: a log begins at ``first`` and has no gap after it. A pinned
message outlives its event there: its row stays, before ``first``, until it is unpinned or deleted,
unless the room is set to keep none. It is no part of the log, but can be read, found and changed.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ..domain.ids import Millis, RoomId, event_id
from .database import DbConnection
from .tables import events, rooms

_DAY_MS = 86_400_000

# Of a room, the rows before its first event that are not to stay.
_LEFT_OVER = (
    "e.id >= r.id << 32 AND e.id < (r.id << 32 | r.first)"
    " AND (e.pinned_at IS NULL OR NOT r.retention_keep_pinned)"
)
# The oldest event alone tells whether there is anything to remove.
_DUE = sa.text(
    "SELECT r.id FROM rooms AS r WHERE r.head - r.first + 1 > r.retention_events"
    " OR EXISTS (SELECT 1 FROM events AS e WHERE e.id = (r.id << 32 | r.first)"
    f" AND e.at < CAST(:now AS bigint) - r.retention_days * {_DAY_MS})"
    f" OR EXISTS (SELECT 1 FROM events AS e WHERE {_LEFT_OVER}) ORDER BY r.id"
)
_OLDEST_KEPT = sa.text(
    "SELECT min(id) FROM events WHERE id >= :low AND id < :high AND at >= :since"
)
_NEXT_LEFT_OVER = sa.text(
    f"SELECT e.id FROM rooms AS r JOIN events AS e ON {_LEFT_OVER}"
    " WHERE r.id = :room ORDER BY e.id LIMIT :limit"
)
_PINNED = sa.text(
    "SELECT id FROM events WHERE id >= :low AND id < :high AND pinned_at IS NOT NULL"
)


def set_limits(
    connection: DbConnection,
    room: RoomId,
    *,
    days: int | None,
    events: int | None,
    keep_pinned: bool = True,
) -> None:
    """
    Set how many days or how many events a room keeps; neither: all events.

    Args:
        keep_pinned: Whether pinned messages are kept when their events are removed.

    """
    change = sa.update(rooms).where(rooms.c.id == room)
    connection.execute(
        change.values(
            retention_days=days, retention_events=events, retention_keep_pinned=keep_pinned
        )
    )


def due(connection: DbConnection, now: Millis) -> Sequence[RoomId]:
    """Return the rooms that hold more than they are to keep."""
    return [RoomId(room) for (room,) in connection.execute(_DUE, {"now": now})]


def kept_pinned(connection: DbConnection, room: RoomId) -> int:
    """Return how many pinned messages a room keeps from before its first event."""
    first = sa.select(rooms.c.first).where(rooms.c.id == room).scalar_subquery()
    start = event_id(room, 0)
    count = sa.select(sa.func.count()).where(events.c.id >= start, events.c.id < start + first)
    return int(connection.execute(count).scalar_one())


def remove_oldest(connection: DbConnection, room: RoomId, now: Millis, limit: int) -> int | None:
    """
    Remove at most ``limit`` events that are no longer to be kept, with what refers to them.

    Returns the new ``first``; None if there was nothing to remove.
    """
    # The lock that the committer takes, and as the first one, as the committer does.
    row = connection.execute(
        sa.select(
            *(rooms.c.head, rooms.c.first, rooms.c.retention_days),
            *(rooms.c.retention_events, rooms.c.retention_keep_pinned),
        )
        .where(rooms.c.id == room)
        .with_for_update(key_share=True)
    ).one()
    parameters = {"room": room, "limit": limit}
    left_over = connection.execute(_NEXT_LEFT_OVER, parameters).scalars().all()
    if left_over:
        keep = row.retention_keep_pinned
        _remove(connection, left_over[0], left_over[-1] + 1, keep_pinned=keep)
        return int(row.first)
    first = _first_kept(connection, room, row, now, limit)
    if first <= row.first:
        return None
    start = event_id(room, 0)
    keep = row.retention_keep_pinned
    _remove(connection, start + row.first, start + first, keep_pinned=keep)
    connection.execute(sa.update(rooms).where(rooms.c.id == room).values(first=first))
    return first


def _first_kept(connection: DbConnection, room: RoomId, row: Any, now: Millis, limit: int) -> int:
    """The seq of the first event to keep, at most ``limit`` events after the present one."""
    stop = min(row.first + limit, row.head + 1)
    if row.retention_events is not None:
        return int(min(stop, row.head + 1 - row.retention_events))
    if row.retention_days is None:
        return int(row.first)
    start, since = event_id(room, 0), now - row.retention_days * _DAY_MS
    bounds = {"low": start + row.first, "high": start + stop, "since": since}
    kept = connection.execute(_OLDEST_KEPT, bounds).scalar_one()
    return int(stop if kept is None else kept - start)


def _remove(connection: DbConnection, low: int, high: int, *, keep_pinned: bool) -> None:
    """Remove the events from ``low`` to before ``high``, in order: between the pinned ones."""
    bounds = {"low": low, "high": high}
    kept = connection.execute(_PINNED, bounds).scalars().all() if keep_pinned else ()
    for start, end in zip((low, *(id_ + 1 for id_ in kept)), (*kept, high), strict=True):
        if start < end:
            connection.search_index.remove(connection, start, end)
            for statement in _REMOVE:
                connection.execute(statement, {"low": start, "high": end})


_REMOVE = (
    sa.text("DELETE FROM reactions WHERE event_id >= :low AND event_id < :high"),
    sa.text("DELETE FROM mentions WHERE event_id >= :low AND event_id < :high"),
    sa.text("DELETE FROM events WHERE id >= :low AND id < :high"),
)
