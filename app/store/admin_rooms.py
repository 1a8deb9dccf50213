"""All rooms, for administrators: their settings and sizes, not their messages."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from ..domain.errors import RoomNotFound
from ..domain.ids import Millis, RoomId
from ..domain.roles import Kind
from .database import DbConnection
from .tables import members, rooms

_MEMBERS = (
    sa.select(sa.func.count())
    .where(members.c.room_id == rooms.c.id, members.c.role.is_not(None))
    .scalar_subquery()
)


class Room(NamedTuple):
    """A room, as no particular user sees it."""

    id: RoomId
    name: str
    title: str
    kind: Kind
    head: int
    first: int
    created_at: Millis
    archived_at: Millis | None
    slow_mode_seconds: int
    retention_days: int | None
    retention_events: int | None
    retention_keep_pinned: bool
    member_count: int


_ROOMS = sa.select(*(rooms.c[name] for name in Room._fields[:-1]), _MEMBERS)


def page(connection: DbConnection, *, after: str = "", limit: int) -> Sequence[Room]:
    """Return a page of the rooms of every kind by name, after the name ``after``."""
    statement = _ROOMS.where(rooms.c.name > after).order_by(rooms.c.name).limit(limit)
    return [_room(row) for row in connection.execute(statement)]


def by_name(connection: DbConnection, name: str) -> Room:
    """
    Return the room of this name.

    Raises:
        RoomNotFound: If there is none.

    """
    row = connection.execute(_ROOMS.where(rooms.c.name == name)).one_or_none()
    if row is None:
        raise RoomNotFound("There is no such room.")
    return _room(row)


def _room(row: Sequence[Any]) -> Room:
    room = Room._make(row)
    return room._replace(kind=Kind(room.kind))
