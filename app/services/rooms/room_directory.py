"""Rooms by name. A room's name never changes, so that ids can be cached."""

from ...domain import names
from ...domain.errors import RoomNotFound
from ...domain.ids import RoomId
from ...domain.limits import MAX_REMEMBERED_ROOMS
from ...store import rooms
from ...store.batch_loader import BatchLoader, Loader


class RoomDirectory:
    """Finds the id of a room by name. Checks no access. Used in the event loop."""

    def __init__(
        self, batch_loader: BatchLoader, *, max_remembered: int = MAX_REMEMBERED_ROOMS
    ) -> None:
        self._max_remembered = max_remembered
        self._ids: dict[str, RoomId] = {}
        self._load: Loader[str, RoomId] = Loader(batch_loader, rooms.ids)

    def known(self, name: str) -> RoomId | None:
        """The room of this exact name, if it is cached. Never awaits."""
        return self._ids.get(name)

    async def find(self, name: str) -> RoomId:
        """
        The room of this name, in upper or lower case.

        Raises:
            RoomNotFound: If there is none.
            Unavailable: If the database can't be read now.

        """
        normalized = names.room_name(name)
        found = self._ids.get(normalized) or await self._load.get(normalized)
        if found is None:
            raise RoomNotFound
        if len(self._ids) >= self._max_remembered:
            self._ids.clear()
        self._ids[normalized] = found
        return found
