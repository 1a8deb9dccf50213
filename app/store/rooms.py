"""Which rooms there are: by name, by member, and as a list. Rooms change through the log alone."""

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from ..domain.ids import NOWHERE, RoomId, UserId
from .bulk import BulkStatement
from .database import DbConnection

# A row for each name: to read one takes longer than to read none.
_IDS = BulkStatement(
    f"SELECT k.name, coalesce(rooms.id, {NOWHERE}), coalesce(rooms.kind, 'private')"
    " FROM {keys} LEFT JOIN rooms ON rooms.name = k.name",
    name="text",
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
_EVER_OF_USER = sa.text("SELECT room_id FROM members WHERE user_id = :user ORDER BY room_id")
_OF_USERS = BulkStatement(
    "SELECT m.user_id, m.room_id FROM {keys}"
    " JOIN members AS m ON m.user_id = k.id AND m.role IS NOT NULL"
    " JOIN rooms AS r ON r.id = m.room_id ORDER BY r.name",
    id="bigint",
)


def ids(connection: DbConnection, names: Iterable[str]) -> Mapping[str, tuple[RoomId, bool]]:
    """
    Return, of the rooms with these names, the ids, and whether they are public.

    A name without a room has :data:`~app.domain.ids.NOWHERE`, and takes as long as a private room.
    """
    rows = _IDS.rows(connection, [(name,) for name in names])
    return {name: (id_, kind == "public") for name, id_, kind in rows}


def of_users(
    connection: DbConnection, users: Iterable[UserId]
) -> Mapping[UserId, Sequence[RoomId]]:
    """Return the rooms that each user is a member of, by name."""
    found: dict[UserId, list[RoomId]] = {user: [] for user in users}
    for user, room in _OF_USERS.rows(connection, [(user,) for user in found]):
        found[user].append(room)
    return found


def ever_of_user(connection: DbConnection, user: UserId) -> list[RoomId]:
    """Return the rooms whose logs may name the user: as a member, a former one, or banned."""
    rows = connection.execute(_EVER_OF_USER, {"user": user})
    return [RoomId(room) for (room,) in rows]


def visible(
    connection: DbConnection,
    user: UserId,
    *,
    mine: bool,
    prefix: str,
    after: str,
    limit: int,
    now: int,
) -> list[RoomId]:
    """
    Return a page of the rooms that the user can see in a list, by name after ``after``.

    Args:
        mine: Only rooms that the user is a member of; otherwise public ones too.
        prefix: What the names begin with, taken literally.

    """
    like = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    parameters = {"user": user, "after": after, "like": like, "limit": limit}
    if mine:
        rows = connection.execute(_MINE, parameters)
    else:
        rows = connection.execute(_MINE_AND_PUBLIC, {**parameters, "now": now})
    return [RoomId(room) for (room,) in rows]
