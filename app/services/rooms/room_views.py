"""Where users stand in rooms: read for all who ask at once, with markers not yet written."""

from app.domain.ids import RoomId, UserId
from app.domain.views import Standing
from app.services.log.read_receipt_buffer import ReadMarkers
from app.store import rooms
from app.store.batch_loader import Gathering, Together
from app.store.rooms import StandingKey


class Standings:
    """Reads standings, each of one snapshot."""

    def __init__(self, gathering: Gathering, markers: ReadMarkers) -> None:
        self._markers = markers
        self._together: Together[StandingKey, Standing] = Together(gathering, rooms.standings)

    async def get(self, room: RoomId, user: UserId, *, read: int = 0) -> Standing | None:
        """
        Where ``user`` stands in ``room``, if they have read up to ``read``.

        None if there is no such room. Whether the user may know of it, the standing tells.

        Raises:
            Unavailable: If the database can't be read now.

        """
        return await self._together.get((room, user, self._markers.latest(room, user, read)))
