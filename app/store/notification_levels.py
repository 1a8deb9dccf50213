"""Which notifications members have chosen, a column of ``members`` that no event tells of."""

import sqlalchemy as sa

from ..domain.ids import RoomId, UserId
from ..domain.notification_levels import NotificationLevel
from .database import DbConnection

_SET = sa.text(
    "UPDATE members SET notifications = :level"
    " WHERE room_id = :room AND user_id = :user AND role IS NOT NULL"
)


def put(connection: DbConnection, room: RoomId, user: UserId, level: NotificationLevel) -> None:
    """Set a member's level; changes nothing for a user who is not a member."""
    connection.execute(_SET, {"room": room, "user": user, "level": level.value})
