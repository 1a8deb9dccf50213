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


# Of little value: no message waits for one whose row is locked elsewhere.
_FORWARD_FREE = BulkStatement(
    "UPDATE members SET read_seq = k.seq FROM {keys}"
    " WHERE members.room_id = k.room AND members.user_id = k.person AND members.read_seq < k.seq"
    " AND (members.room_id, members.user_id) IN (SELECT m.room_id, m.user_id FROM {keys}"
    " JOIN members AS m ON m.room_id = k.room AND m.user_id = k.person"
    " FOR NO KEY UPDATE OF m SKIP LOCKED)",
    room="bigint",
    person="bigint",
    seq="bigint",
)


def save(connection: DbConnection, marks: Iterable[Mark]) -> None:
    """Move read markers forward. A marker never moves back."""
    (_FORWARD if connection.is_only_writer else _FORWARD_FREE).run(connection, marks)
