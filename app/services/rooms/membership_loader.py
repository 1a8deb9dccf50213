"""The rooms that a user is a member of, read when the user connects."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...domain.ids import RoomId, UserId
from ...domain.views import RoomView
from ...store import room_views as room_view_store
from ...store import rooms
from ...store.batch_loader import BatchLoader, Loader
from ...store.database import DbConnection
from ...store.read_markers import Mark
from ...store.room_views import RoomViewKey, with_marks
from ..log.read_receipt_buffer import ReadReceiptBuffer


class _RoomViewsKey(NamedTuple):
    """Whose rooms, how many, and the user's read receipts that are not on disk yet."""

    user: UserId
    limit: int
    receipts: tuple[Mark, ...]


class MembershipLoader:
    """
    Reads memberships; concurrent calls share one query. Used in the event loop.

    Safe to cancel: other callers are not disturbed.
    """

    def __init__(self, batch_loader: BatchLoader, receipts: ReadReceiptBuffer) -> None:
        self._receipts = receipts
        self._ids: Loader[UserId, Sequence[RoomId]] = Loader(batch_loader, rooms.of_users)
        self._room_views: Loader[_RoomViewsKey, list[RoomView]] = Loader(batch_loader, _load)

    def of(self, user: UserId) -> asyncio.Future[Sequence[RoomId] | None]:
        """
        The rooms that ``user`` is a member of.

        Raises (when awaited):
            Unavailable: If the database can't be read now.

        """
        return self._ids.get(user)

    async def room_views(self, user: UserId, limit: int) -> list[RoomView]:
        """
        At most ``limit`` of these rooms as the user sees them, in order of name.

        Raises:
            Unavailable: If the database can't be read now.

        """
        key = _RoomViewsKey(user, limit, self._receipts.pending(user))
        return await self._room_views.get(key) or []


def _load(
    connection: DbConnection, keys: Sequence[_RoomViewsKey]
) -> Mapping[_RoomViewsKey, list[RoomView]]:
    # Runs in a database thread: the keys carry copies of the unwritten receipts.
    joined = rooms.of_users(connection, [key.user for key in keys])
    wanted: dict[_RoomViewsKey, list[RoomViewKey]] = {}
    for key in keys:
        wanted[key] = with_marks(key.user, joined[key.user][: key.limit], key.receipts)
    found = room_view_store.load(
        connection, {one for of_user in wanted.values() for one in of_user}
    )
    return {
        key: sorted((found[one] for one in of_user), key=lambda view: view.name)
        for key, of_user in wanted.items()
    }
