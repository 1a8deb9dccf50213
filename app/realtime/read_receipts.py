"""How far somebody has read, and telling the others who are there."""

from collections.abc import Callable

from ..domain.authorization import authorize_read
from ..domain.errors import Forbidden
from ..domain.ids import Millis, RoomId, UserId
from ..domain.limits import MAX_MEMBERS_FOR_READ_SIGNALS
from ..domain.roles import Kind
from ..domain.views import RoomView
from ..services.log.read_receipt_buffer import ReadReceiptBuffer
from ..services.rooms.room_views import RoomViews
from ..store import members as member_store
from ..store.batch_loader import BatchLoader, Loader
from ..wire import answers
from ..wire.frames import text_frame
from .connection import Connection
from .hub import Hub


class ReadReceipts:
    """Moves read markers, for the socket and for HTTP alike."""

    def __init__(
        self,
        batch_loader: BatchLoader,
        *,
        room_views: RoomViews,
        receipts: ReadReceiptBuffer,
        hub: Hub,
        now: Callable[[], Millis],
    ) -> None:
        self._room_views = room_views
        self._receipts = receipts
        self._hub = hub
        self._now = now
        self._sizes: Loader[RoomId, int] = Loader(batch_loader, member_store.counts)

    async def move(
        self,
        room: RoomId,
        user: UserId,
        username: str,
        seq: int,
        *,
        but: Connection | None = None,
    ) -> RoomView:
        """
        ``user`` has read up to ``seq``, or further already. Never moves back, nor beyond the head.

        Args:
            but: The connection that asked; the other listeners of a small room get a signal.

        Raises:
            RoomNotFound: If there is no such room, or it is not for them to know.
            Banned: From a public room.
            Forbidden: If they are no member.
            Unavailable: If the database can't be read now.

        """
        view = authorize_read(await self._room_views.get(room, user, read=seq), self._now())
        if view.role is None:
            raise Forbidden("Only members of this room may do that. Join it first.")
        self._receipts.move(room, user, view.read)
        others = any(one.connection is not but for one in self._hub.listeners(room))
        if others and await self._is_small(view):
            payload = answers.signal("read", room=view.name, by=username, seq=view.read)
            self._hub.signal(room, text_frame(payload), but=but)
        return view

    async def _is_small(self, view: RoomView) -> bool:
        if view.kind is Kind.DIRECT:
            return True
        members = await self._sizes.get(view.room)
        return members is not None and members <= MAX_MEMBERS_FOR_READ_SIGNALS
