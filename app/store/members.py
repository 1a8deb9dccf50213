"""The members of rooms, for reading. Memberships change through the log alone."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import sqlalchemy as sa

from ..domain.ids import RoomId, UserId
from ..domain.limits import MAX_MEMBERS_FOR_READ_SIGNALS
from ..domain.roles import Kind, Role
from ..domain.views import MemberView
from .bulk import BulkStatement
from .database import DbConnection

_MEMBERS = (
    "SELECT u.username, u.display_name, m.role, m.joined_at, m.muted_until"
    " FROM members AS m JOIN users AS u ON u.id = m.user_id"
    " WHERE m.room_id = :room AND m.role IS NOT NULL"
)
_PAGE = sa.text(f"{_MEMBERS} AND u.username > :after ORDER BY u.username LIMIT :limit")
_ONE = sa.text(f"{_MEMBERS} AND m.user_id = :user")

# Counted no further than is needed to call a room large.
_COUNTS = BulkStatement(
    "SELECT k.id, (SELECT count(*) FROM (SELECT 1 FROM members AS m"
    f" WHERE m.room_id = k.id AND m.role IS NOT NULL LIMIT {MAX_MEMBERS_FOR_READ_SIGNALS + 1})"
    " AS counted) FROM {keys}",
    id="bigint",
)

# The successor is the first by rank and then by time of those who can log in.
_DEPARTING = sa.text(
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
    """A member who is to be removed, and the member who can succeed them as owner."""

    kind: Kind
    """Of the room."""
    role: Role
    successor: UserId | None
    """An owner, if the room has another one."""


def page(connection: DbConnection, room: RoomId, *, after: str, limit: int) -> list[MemberView]:
    """Return a page of the room's members by name, after the name ``after``."""
    rows = connection.execute(_PAGE, {"room": room, "after": after, "limit": limit})
    return [MemberView(u, d, Role(role), at, muted) for u, d, role, at, muted in rows]


def one(connection: DbConnection, room: RoomId, user: UserId) -> MemberView | None:
    """Return one member; None if the user is not a member."""
    row = connection.execute(_ONE, {"room": room, "user": user}).one_or_none()
    return None if row is None else MemberView(row[0], row[1], Role(row[2]), row[3], row[4])


def counts(connection: DbConnection, rooms: Iterable[RoomId]) -> Mapping[RoomId, int]:
    """Return the number of members of each room, at most MAX_MEMBERS_FOR_READ_SIGNALS + 1."""
    return dict(map(tuple, _COUNTS.rows(connection, [(room,) for room in rooms])))


def departing_member(
    connection: DbConnection, room: RoomId, user: UserId
) -> DepartingMember | None:
    """Return the member with a possible successor; None if the user is not a member."""
    row = connection.execute(_DEPARTING, {"room": room, "user": user}).one_or_none()
    return None if row is None else DepartingMember(Kind(row[0]), Role(row[1]), row[2])
