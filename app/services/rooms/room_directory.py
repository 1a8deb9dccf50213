"""Rooms by name. A room's name is for good, so that it can be remembered."""

from ...domain import names
from ...domain.errors import RoomNotFound
from ...domain.ids import RoomId
from ...domain.limits import MAX_REMEMBERED_ROOMS
from ...store import rooms
from ...store.batch_loader import BatchLoader, Loader


class RoomDirectory:
    """Finds a room's id. Whether somebody may know of the room is another question."""

    def __init__(
        self, batch_loader: BatchLoader, *, max_remembered: int = MAX_REMEMBERED_ROOMS
    ) -> None:
        self._max_remembered = max_remembered
        self._ids: dict[str, RoomId] = {}
        self._load: Loader[str, RoomId] = Loader(batch_loader, rooms.ids)

    def known(self, name: str) -> RoomId | None:
        """The room called ``name``, if that is remembered."""
        return self._ids.get(name)

    async def find(self, name: str) -> RoomId:
        """
        The room called ``name``, as somebody wrote it.

        Raises:
            RoomNotFound: If there is none.

        """
        proper = names.room_name(name)
        found = self._ids.get(proper) or await self._load.get(proper)
        if found is None:
            raise RoomNotFound
        if len(self._ids) >= self._max_remembered:
            self._ids.clear()
        self._ids[proper] = found
        return found
