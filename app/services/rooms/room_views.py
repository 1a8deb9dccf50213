"""A room as one member sees it, with read receipts that are not written yet."""

from ...domain.ids import RoomId, UserId
from ...domain.views import RoomView
from ...store import room_views as room_view_store
from ...store.batch_loader import BatchLoader, Loader
from ...store.room_views import RoomViewKey
from ..log.read_receipt_buffer import ReadReceiptBuffer


class RoomViews:
    """Reads room views; concurrent calls share one query. Used in the event loop."""

    def __init__(self, batch_loader: BatchLoader, receipts: ReadReceiptBuffer) -> None:
        self._receipts = receipts
        self._loader: Loader[RoomViewKey, RoomView] = Loader(batch_loader, room_view_store.load)

    async def get(self, room: RoomId, user: UserId, *, read: int = 0) -> RoomView | None:
        """
        ``room`` as ``user`` sees it, with everything up to ``read`` marked as read.

        None if there is no such room, or it is hidden from the user. The caller checks:
        :func:`app.domain.authorization.authorize_read`.

        Raises:
            Unavailable: If the database can't be read now.

        """
        mark = self._receipts.latest(room, user)
        return await self._loader.get(RoomViewKey(room, user, mark.seq, mark.moves, read))
