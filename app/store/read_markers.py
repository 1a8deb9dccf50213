"""Read markers: how far members have read."""

from collections.abc import Iterable

from ..domain.ids import RoomId, UserId
from .bulk import BulkStatement
from .database import DbConnection

Mark = tuple[RoomId, UserId, int]
"""Room, user, and the seq up to which the user has read."""

_FORWARD = BulkStatement(
    "UPDATE members SET read_seq = k.seq FROM {keys}"
    " WHERE members.room_id = k.room AND members.user_id = k.person AND members.read_seq < k.seq",
    room="bigint",
    person="bigint",
    seq="bigint",
)


def save(connection: DbConnection, marks: Iterable[Mark]) -> None:
    """Move read markers forward. A marker never moves back."""
    _FORWARD.run(connection, marks)
