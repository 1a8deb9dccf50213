"""Rooms and members, for reading. What changes them goes through the log."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.domain.ids import RoomId, UserId
from app.domain.limits import MAX_MEMBERS_FOR_READ_SIGNALS, MAX_UNREAD_COUNTED
from app.domain.roles import Kind, Role
from app.domain.views import MemberView, RoomAccess, RoomView
from app.store.bulk import BulkStatement

_IDS = BulkStatement(
    "SELECT rooms.name, rooms.id FROM {keys} JOIN rooms ON rooms.name = k.name", name="text"
)

# What is known to be read: stored, or on its way there; never beyond the head.
_READ = """(CASE WHEN k.seen <= coalesce(m.read_seq, 0) THEN coalesce(m.read_seq, 0)
    WHEN k.seen > r.head THEN r.head ELSE k.seen END)"""

# Counted from an index alone, and only as far as anybody shows: the cost is that of a
# hundred entries, whatever the room's length.
_COUNTED = f"""
  r.id, r.name, r.title, r.kind, r.head, r.first, r.created_at, r.archived_at,
  r.slow_mode_seconds, m.role, m.banned_until,
  {_READ},
  CASE WHEN m.role IS NULL THEN 0 ELSE (SELECT count(*) FROM (
    SELECT 1 FROM events AS e
    WHERE e.id > ((r.id << 32) | {_READ})
      AND e.id <= ((r.id << 32) | r.head) AND e.type = 'message.created'
      AND e.deleted_at IS NULL AND e.by <> k.person LIMIT {MAX_UNREAD_COUNTED}) AS unread) END,
  CASE WHEN m.role IS NULL THEN 0 ELSE (SELECT count(*) FROM (
    SELECT 1 FROM mentions AS n JOIN events AS e ON e.id = n.event_id
    WHERE n.user_id = k.person
      AND n.event_id > ((r.id << 32) | {_READ})
      AND n.event_id <= ((r.id << 32) | r.head)
      AND e.deleted_at IS NULL AND e.by <> k.person LIMIT {MAX_UNREAD_COUNTED}) AS named) END,
  CASE WHEN r.kind = 'direct' THEN (SELECT u.username FROM members AS o
    JOIN users AS u ON u.id = o.user_id
    WHERE o.room_id = r.id AND o.user_id <> k.person LIMIT 1) END
"""

_STANDINGS = BulkStatement(
    f"SELECT k.person, k.seen, {_COUNTED} FROM {{keys}} JOIN rooms AS r ON r.id = k.room"
    " LEFT JOIN members AS m ON m.room_id = k.room AND m.user_id = k.person",
    room="bigint",
    person="bigint",
    seen="bigint",
)

_ACCESS = BulkStatement(
    "SELECT k.room, k.person, r.kind, r.head, r.first, m.role, m.banned_until"
    " FROM {keys} JOIN rooms AS r ON r.id = k.room"
    " LEFT JOIN members AS m ON m.room_id = k.room AND m.user_id = k.person",
    room="bigint",
    person="bigint",
)

_MINE = sa.text(
    "SELECT m.room_id FROM members AS m JOIN rooms AS r ON r.id = m.room_id"
    " WHERE m.user_id = :user AND m.role IS NOT NULL AND r.name > :after"
    " AND r.name LIKE :like ESCAPE '\\' ORDER BY r.name LIMIT :limit"
)
_MINE_AND_PUBLIC = sa.text(
    "SELECT r.id FROM rooms AS r LEFT JOIN members AS m"
    " ON m.room_id = r.id AND m.user_id = :user"
    " WHERE r.name > :after AND r.name LIKE :like ESCAPE '\\'"
    " AND (m.role IS NOT NULL OR (r.kind = 'public' AND r.archived_at IS NULL"
    " AND coalesce(m.banned_until, 0) <= :now))"
    " ORDER BY r.name LIMIT :limit"
)
_OF_USERS = BulkStatement(
    "SELECT m.user_id, m.room_id FROM {keys}"
    " JOIN members AS m ON m.user_id = k.id AND m.role IS NOT NULL"
    " JOIN rooms AS r ON r.id = m.room_id ORDER BY r.name",
    id="bigint",
)

_MEMBERS = sa.text(
    "SELECT u.username, u.display_name, m.role, m.joined_at, m.muted_until"
    " FROM members AS m JOIN users AS u ON u.id = m.user_id"
    " WHERE m.room_id = :room AND m.role IS NOT NULL AND u.username > :after"
    " ORDER BY u.username LIMIT :limit"
)
_MEMBER = sa.text(
    "SELECT u.username, u.display_name, m.role, m.joined_at, m.muted_until"
    " FROM members AS m JOIN users AS u ON u.id = m.user_id"
    " WHERE m.room_id = :room AND m.user_id = :user AND m.role IS NOT NULL"
)

# The first by rank and by time to be owner after them; nobody who can't log in.
_HELD = sa.text(
    "SELECT r.kind, m.role, (SELECT h.user_id FROM members AS h"
    " JOIN users AS u ON u.id = h.user_id"
    " WHERE h.room_id = r.id AND h.user_id <> m.user_id AND h.role IS NOT NULL"
    " AND u.disabled_at IS NULL AND u.erased_at IS NULL"
    " ORDER BY CASE h.role WHEN 'owner' THEN 0 WHEN 'moderator' THEN 1 ELSE 2 END,"
    " h.joined_at, h.user_id LIMIT 1)"
    " FROM members AS m JOIN rooms AS r ON r.id = m.room_id"
    " WHERE m.room_id = :room AND m.user_id = :user AND m.role IS NOT NULL"
)


class DepartingMember(NamedTuple):
    """What somebody is in a room, and who could be its owner after them."""

    kind: Kind
    role: Role
    successor: UserId | None


# Counted only as far as anybody asks.
_SIZES = BulkStatement(
    "SELECT k.id, (SELECT count(*) FROM (SELECT 1 FROM members AS m"
    f" WHERE m.room_id = k.id AND m.role IS NOT NULL LIMIT {MAX_MEMBERS_FOR_READ_SIGNALS + 1})"
    " AS counted) FROM {keys}",
    id="bigint",
)

RoomViewKey = tuple[RoomId, UserId, int]
"""Room, user, and how far the user is known to have read beyond what is stored."""


def ids(connection: sa.Connection, names: Iterable[str]) -> Mapping[str, RoomId]:
    """Rooms by name; a name that is no room's is left out."""
    return dict(map(tuple, _IDS.rows(connection, [(name,) for name in names])))


def room_views(
    connection: sa.Connection, keys: Iterable[RoomViewKey]
) -> Mapping[RoomViewKey, RoomView]:
    """Where users stand in rooms: one statement for any number of them."""
    return {
        (room, UserId(person), seen): _standing(row)
        for person, seen, room, *row in _STANDINGS.rows(connection, keys)
        for row in [(room, *row)]
    }


def access(
    connection: sa.Connection, keys: Iterable[tuple[RoomId, UserId]]
) -> Mapping[tuple[RoomId, UserId], RoomAccess]:
    """Whether users may read rooms: all of a standing that can be had without counting."""
    return {
        (room, person): RoomAccess(
            kind=Kind(kind),
            head=head,
            first=first,
            role=None if role is None else Role(role),
            banned_until=banned,
        )
        for room, person, kind, head, first, role, banned in _ACCESS.rows(connection, keys)
    }


def sizes(connection: sa.Connection, rooms: Iterable[RoomId]) -> Mapping[RoomId, int]:
    """How many members rooms have, counted to one more than makes a room large."""
    return dict(map(tuple, _SIZES.rows(connection, [(room,) for room in rooms])))


def of_users(
    connection: sa.Connection, users: Iterable[UserId]
) -> Mapping[UserId, Sequence[RoomId]]:
    """The rooms that each user is a member of, by name."""
    found: dict[UserId, list[RoomId]] = {user: [] for user in users}
    for user, room in _OF_USERS.rows(connection, [(user,) for user in found]):
        found[user].append(room)
    return found


def visible(
    connection: sa.Connection,
    user: UserId,
    *,
    mine: bool,
    prefix: str,
    after: str,
    limit: int,
    now: int,
) -> list[RoomId]:
    """The user's rooms, and unless ``mine`` the public ones, by name from after ``after``."""
    like = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    parameters = {"user": user, "after": after, "like": like, "limit": limit}
    if mine:
        rows = connection.execute(_MINE, parameters)
    else:
        rows = connection.execute(_MINE_AND_PUBLIC, {**parameters, "now": now})
    return [RoomId(room) for (room,) in rows]


def members(
    connection: sa.Connection, room: RoomId, *, after: str, limit: int
) -> list[MemberView]:
    """The room's members by name, from after ``after``."""
    rows = connection.execute(_MEMBERS, {"room": room, "after": after, "limit": limit})
    return [MemberView(u, d, Role(role), at, muted) for u, d, role, at, muted in rows]


def member(connection: sa.Connection, room: RoomId, user: UserId) -> MemberView | None:
    """One member; None if the user is none."""
    row = connection.execute(_MEMBER, {"room": room, "user": user}).one_or_none()
    return None if row is None else MemberView(row[0], row[1], Role(row[2]), row[3], row[4])


def departing_member(
    connection: sa.Connection, room: RoomId, user: UserId
) -> DepartingMember | None:
    """What a member is in ``room``, and an heir: an owner, if there is another."""
    row = connection.execute(_HELD, {"room": room, "user": user}).one_or_none()
    return None if row is None else DepartingMember(Kind(row[0]), Role(row[1]), row[2])


def _standing(row: Sequence[Any]) -> RoomView:
    (room, name, title, kind, head, first, created, archived, slow) = row[:9]
    (role, banned, read, unread, mentions, other) = row[9:]
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
        role=None if role is None else Role(role),
        banned_until=banned,
        read=read,
        unread=unread,
        mentions=mentions,
        other=other,
    )
