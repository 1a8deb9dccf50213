"""What a user wants to be notified of in each room."""

from ...domain.errors import Forbidden
from ...domain.ids import UserId
from ...domain.notification_levels import NotificationLevel
from ...store import notification_levels
from ...store.database import Database
from .rooms import Rooms


class NotificationLevels:
    """Sets the levels of members. The server sends no notifications: clients do."""

    def __init__(self, database: Database, rooms: Rooms) -> None:
        self._database = database
        self._rooms = rooms

    async def put(self, me: UserId, room: str, level: NotificationLevel) -> None:
        """
        Set the caller's level in a room. Idempotent; it survives leaving and coming back.

        Raises:
            RoomNotFound: If there is no such room, or the caller may not see it.
            Banned: If the room is public and the caller is banned.
            Forbidden: If the caller is not a member.
            Unavailable: If the database can't be used now.

        """
        view = await self._rooms.get(me, room)
        if view.role is None:
            raise Forbidden("Only members of this room may do that. Join it first.")
        await self._database.write(
            lambda connection: notification_levels.put(connection, view.room, me, level)
        )
