"""Read receipts: how far a user has read, and the ``read`` signal to a small room."""

import asyncio
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
from ..store import read_markers
from ..store.batch_loader import BatchLoader, Loader
from ..store.database import Database
from ..wire import answers
from ..wire.rooms import own_read_body
from ..wire.websocket_frame import text_frame
from .connection import Connection
from .hub import Hub
from .remote_signals import RemoteSignals
from .separation import Separation


class ReadReceipts:
    """Moves read markers, for the socket and for HTTP. Used in the event loop."""

    def __init__(
        self,
        database: Database,
        batch_loader: BatchLoader,
        *,
        room_views: RoomViews,
        receipts: ReadReceiptBuffer,
        hub: Hub,
        separation: Separation,
        to_other_nodes: RemoteSignals | None,
        now: Callable[[], Millis],
    ) -> None:
        self._database = database
        self._room_views = room_views
        self._receipts = receipts
        self._hub = hub
        self._separation = separation
        self._to_other_nodes = to_other_nodes
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
        Move a user's read marker to ``seq``, but neither back nor beyond the head.

        While it is before the receipt that others got, since the user placed it there, they are
        told nothing. Where the user has ever placed it, the user's connections are told, too.

        It is written to the database a moment later, with the next batch; a crash before that
        may lose it. Safe to cancel.

        Args:
            but: The connection that asked: it gets a reply instead of the signal.

        Returns:
            The room as the user sees it now.

        Raises:
            RoomNotFound: If there is no such room, or the user may not know of it.
            Banned: If the user is banned from this public room.
            Forbidden: If the user is not a member.
            Unavailable: If the database can't be read now.

        """
        view = await self._visible_to_member(room, user, read=seq)
        self._receipts.move(room, user, view.read, moves=view.read_moves)
        if view.read_moves:
            self._tell_user(view, user, username, but)
        if view.read >= self._receipt(view, user):
            await self._tell_room(view, user, username, but)
        return view

    async def place(
        self,
        room: RoomId,
        user: UserId,
        username: str,
        seq: int,
        *,
        but: Connection | None = None,
    ) -> RoomView:
        """
        Move a user's own read marker to ``seq``, back or forward, but not beyond the head.

        What others were told does not move back. The user's connections are told the marker. It
        is in the database on return; a mark by :meth:`move` from before does not undo it.

        Args:
            but: The connection that asked: it gets a reply instead of the signal.

        Returns:
            The room as the user sees it now.

        Raises:
            ParleyError: As :meth:`move`.

        """
        before = await self._visible_to_member(room, user)
        place = min(seq, before.head)
        await self._database.write(
            lambda connection: read_markers.place(connection, room, user, place)
        )
        view = await self._visible_to_member(room, user)
        self._tell_user(view, user, username, but)
        if view.read >= self._receipt(view, user):
            await self._tell_room(view, user, username, but)
        return view

    async def _visible_to_member(self, room: RoomId, user: UserId, read: int = 0) -> RoomView:
        view = authorize_read(await self._room_views.get(room, user, read=read), self._now())
        if view.role is None:
            raise Forbidden("Only members of this room may do that. Join it first.")
        return view

    def _receipt(self, view: RoomView, user: UserId) -> int:
        """How far others were told that the user has read."""
        return max(view.receipt, self._receipts.latest(view.room, user).receipt)

    def _tell_user(
        self, view: RoomView, user: UserId, username: str, but: Connection | None
    ) -> None:
        payload = answers.signal("read", **own_read_body(view, username))
        self._hub.signal_user(user, payload, but=but)
        if self._to_other_nodes is not None:
            self._to_other_nodes.send_to_user(user, payload)

    async def _tell_room(
        self, view: RoomView, user: UserId, username: str, but: Connection | None
    ) -> None:
        room = view.room
        others = any(one.connection is not but for one in self._hub.subscriptions(room))
        if others or self._to_other_nodes is not None:
            small, separated = await asyncio.gather(
                self._is_small(view), self._separation.of(user)
            )
            if small:
                payload = answers.signal("read", room=view.name, by=username, seq=view.read)
                self._hub.signal(room, text_frame(payload), but=but, without=separated)
                if self._to_other_nodes is not None:
                    self._to_other_nodes.send(room, user, payload)

    async def _is_small(self, view: RoomView) -> bool:
        if view.kind is Kind.DIRECT:
            return True
        members = await self._sizes.get(view.room)
        return members is not None and members <= MAX_MEMBERS_FOR_READ_SIGNALS
