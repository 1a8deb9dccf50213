"""How far members have read."""

from collections.abc import Iterable

import sqlalchemy as sa

from app.domain.ids import RoomId, UserId
from app.store.bulk import BulkStatement

Mark = tuple[RoomId, UserId, int]

_FORWARD = BulkStatement(
    "UPDATE members SET read_seq = k.seq FROM {keys}"
    " WHERE members.room_id = k.room AND members.user_id = k.person AND members.read_seq < k.seq",
    room="bigint",
    person="bigint",
    seq="bigint",
)


def save(connection: sa.Connection, marks: Iterable[Mark]) -> None:
    """Move read markers forward; one that would move back stays."""
    _FORWARD.run(connection, marks)
