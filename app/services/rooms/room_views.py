"""Where users stand in rooms: read for all who ask at once, with markers not yet written."""

from ...domain.ids import RoomId, UserId
from ...domain.views import RoomView
from ...store import room_views as room_view_store
from ...store.batch_loader import BatchLoader, Loader
from ...store.room_views import RoomViewKey
from ..log.read_receipt_buffer import ReadReceiptBuffer


class RoomViews:
    """Reads standings, each of one snapshot."""

    def __init__(self, batch_loader: BatchLoader, receipts: ReadReceiptBuffer) -> None:
        self._receipts = receipts
        self._loader: Loader[RoomViewKey, RoomView] = Loader(batch_loader, room_view_store.load)

    async def get(self, room: RoomId, user: UserId, *, read: int = 0) -> RoomView | None:
        """
        Where ``user`` stands in ``room``, if they have read up to ``read``.

        None if there is no such room. Whether the user may know of it, the standing tells.

        Raises:
            Unavailable: If the database can't be read now.

        """
        return await self._loader.get((room, user, self._receipts.latest(room, user, read)))
