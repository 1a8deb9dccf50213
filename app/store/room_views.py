"""Rooms as their members see them: the room, the member's role, and what is unread."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..domain.ids import RoomId, UserId
from ..domain.notification_levels import level_of
from ..domain.roles import Kind, Role
from ..domain.views import RoomView
from . import unread
from .bulk import BulkStatement
from .database import DbConnection
from .read_markers import Mark


class RoomViewKey(NamedTuple):
    """Who sees which room, and how far the user is known to have read."""

    room: RoomId
    user: UserId
    seen: int = 0
    """A mark that is not stored yet..."""
    moves: int = 0
    """...and how often the marker had been placed when it was made."""
    now: int = 0
    """How far the user has read with this request, whatever was before."""


_ROOM_VIEWS = BulkStatement(
    f"""
    WITH v AS MATERIALIZED (
      SELECT r.id, k.person, k.seen, k.moves, k.now,
        r.name, r.title, r.kind, r.head, r.first, r.created_at, r.archived_at,
        r.slow_mode_seconds, m.role, m.banned_until, m.notifications, r.room_mention_role,
        coalesce(m.read_seq, 0) AS receipt, coalesce(m.own_read_moves, 0) AS read_moves,
        {unread.READ_SEQ} AS read_seq, {unread.COUNTED_AFTER} AS counted_after
      FROM {{keys}} JOIN rooms AS r ON r.id = k.room
      LEFT JOIN members AS m ON m.room_id = k.room AND m.user_id = k.person
      WHERE r.kind = 'public' OR m.role IS NOT NULL
    )
    SELECT v.id, v.person, v.seen, v.moves, v.now,
      v.name, v.title, v.kind, v.head, v.first, v.created_at, v.archived_at,
      v.slow_mode_seconds, v.role, v.banned_until, v.notifications,
      v.read_seq, {unread.UNREAD}, {unread.MENTIONS}, v.room_mention_role,
      v.receipt, v.read_moves,
      CASE WHEN v.kind = 'direct' THEN (SELECT u.username FROM members AS o
        JOIN users AS u ON u.id = o.user_id
        WHERE o.room_id = v.id AND o.user_id <> v.person LIMIT 1) END
    FROM v
    """,
    room="bigint",
    person="bigint",
    seen="bigint",
    moves="bigint",
    now="bigint",
)


def with_marks(user: UserId, rooms: Iterable[RoomId], marks: Iterable[Mark]) -> list[RoomViewKey]:
    """Return the keys of a user's views of ``rooms``, with the marks that are not stored yet."""
    of_rooms = {mark.room: mark for mark in marks}
    found = ((room, of_rooms.get(room) or Mark(room, user)) for room in rooms)
    return [RoomViewKey(room, user, mark.seq, mark.moves) for room, mark in found]


def load(connection: DbConnection, keys: Iterable[RoomViewKey]) -> Mapping[RoomViewKey, RoomView]:
    """
    Return views of any number of rooms and users.

    Rooms that are hidden from the user are left out, as those that don't exist: what follows takes
    the same time.
    """
    return {
        RoomViewKey(*key): _view(key[0], row)
        for *key, row in (
            (*found[:5], found[5:]) for found in _ROOM_VIEWS.rows(connection, map(tuple, keys))
        )
    }


def _view(room: RoomId, row: Sequence[Any]) -> RoomView:
    (name, title, kind, head, first, created, archived, slow) = row[:8]
    (role, banned, chosen, read, unread_count, mentions, mention_role, *rest) = row[8:]
    receipt, read_moves, other = rest
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
        receipt=receipt,
        read_moves=read_moves,
        unread=unread_count,
        mentions=mentions,
        other=other,
        notifications=level_of(Kind(kind), chosen),
    )
