"""What decides whether a user may read a room: a view of it that costs no counting."""

from collections.abc import Iterable, Mapping

from ..domain.ids import RoomId, UserId
from ..domain.roles import Kind, Role
from ..domain.views import RoomAccess
from .bulk import BulkStatement
from .database import DbConnection

_ACCESS = BulkStatement(
    "SELECT k.room, k.person, r.kind, r.head, r.first, m.role, m.banned_until"
    " FROM {keys} JOIN rooms AS r ON r.id = k.room"
    " LEFT JOIN members AS m ON m.room_id = k.room AND m.user_id = k.person"
    " WHERE r.kind = 'public' OR m.role IS NOT NULL",
    room="bigint",
    person="bigint",
)


def load(
    connection: DbConnection, keys: Iterable[tuple[RoomId, UserId]]
) -> Mapping[tuple[RoomId, UserId], RoomAccess]:
    """Return the access of any number of users to rooms. Missing and hidden ones are left out."""
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
