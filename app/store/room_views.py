"""Rooms as their members see them: the room, the member's role, and what is unread."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..domain.ids import RoomId, UserId
from ..domain.notification_levels import level_of
from ..domain.roles import Kind, Role
from ..domain.views import RoomView
from . import unread
from .bulk import BulkStatement
from .database import DbConnection

RoomViewKey = tuple[RoomId, UserId, int]
"""Room, user, and how far the user is known to have read though it is not stored yet."""

_ROOM_VIEWS = BulkStatement(
    f"""
    SELECT k.person, k.seen,
      r.id, r.name, r.title, r.kind, r.head, r.first, r.created_at, r.archived_at,
      r.slow_mode_seconds, m.role, m.banned_until, m.notifications,
      {unread.READ_SEQ}, {unread.UNREAD}, {unread.MENTIONS}, r.room_mention_role,
      CASE WHEN r.kind = 'direct' THEN (SELECT u.username FROM members AS o
        JOIN users AS u ON u.id = o.user_id
        WHERE o.room_id = r.id AND o.user_id <> k.person LIMIT 1) END
    FROM {{keys}} JOIN rooms AS r ON r.id = k.room
    LEFT JOIN members AS m ON m.room_id = k.room AND m.user_id = k.person
    WHERE r.kind = 'public' OR m.role IS NOT NULL
    """,
    room="bigint",
    person="bigint",
    seen="bigint",
)


def load(connection: DbConnection, keys: Iterable[RoomViewKey]) -> Mapping[RoomViewKey, RoomView]:
    """
    Return views of any number of rooms and users.

    Rooms that are hidden from the user are left out, as those that don't exist: what follows takes
    the same time.
    """
    return {
        (room, UserId(person), seen): _view(room, row)
        for person, seen, room, *row in _ROOM_VIEWS.rows(connection, keys)
    }


def _view(room: RoomId, row: Sequence[Any]) -> RoomView:
    (name, title, kind, head, first, created, archived, slow) = row[:8]
    (role, banned, chosen, read, unread_count, mentions, mention_role, other) = row[8:]
    return RoomView(
        room=room,
        name=name,
        title=title,
        kind=Kind(kind),
        head=head,
        first=first,
        created_at=created,
        archived_at=archived,
        slow_mode_seconds=slow,
        room_mention_role=Role(mention_role),
        role=None if role is None else Role(role),
        banned_until=banned,
        read=read,
        unread=unread_count,
        mentions=mentions,
        other=other,
        notifications=level_of(Kind(kind), chosen),
    )
