"""
Rooms by name. A room's name and kind never change, so that the ids of public rooms can be cached.

A room that is hidden from a user must not be told from one that doesn't exist, not even by the
time that the answer takes. So a name without a room has an id too, and private rooms are looked up
in the database each time, as names without a room are.
"""

from collections import OrderedDict
from typing import cast

from ...domain import names
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
        # The one that was found first goes first. A room that is in use is then found again.
        self._ids: OrderedDict[str, RoomId] = OrderedDict()
        self._load: Loader[str, tuple[RoomId, bool]] = Loader(batch_loader, rooms.ids)

    def known(self, name: str) -> RoomId | None:
        """The public room of this exact name, if it is cached. Never awaits."""
        return self._ids.get(name)

    async def find(self, name: str) -> RoomId:
        """
        The room of this name, in upper or lower case; ``NOWHERE`` if there is none.

        Raises:
            RoomNotFound: If no room can have this name.
            Unavailable: If the database can't be read now.

        """
        normalized = names.room_name(name)
        if (known := self._ids.get(normalized)) is not None:
            return known
        # Every name has an id.
        found, is_public = cast("tuple[RoomId, bool]", await self._load.get(normalized))
        if is_public:
            self._ids[normalized] = found
            if len(self._ids) > self._max_remembered:
                self._ids.popitem(last=False)
        return found
