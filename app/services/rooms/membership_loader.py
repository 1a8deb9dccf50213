"""The rooms that users are members of, for those who connect."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...domain.ids import RoomId, UserId
from ...domain.views import RoomView
from ...store import room_views as room_view_store
from ...store import rooms
from ...store.batch_loader import BatchLoader, Loader
from ...store.database import DbConnection
from ...store.room_views import RoomViewKey
from ..log.read_receipt_buffer import ReadReceiptBuffer


class _Asked(NamedTuple):
    """Whose rooms, how many, and what they have read that is not on disk yet."""

    user: UserId
    limit: int
    receipts: tuple[tuple[RoomId, int], ...]


class MembershipLoader:
    """Reads memberships, in one query for all that are asked for at the same time."""

    def __init__(self, batch_loader: BatchLoader, receipts: ReadReceiptBuffer) -> None:
        self._receipts = receipts
        self._ids: Loader[UserId, Sequence[RoomId]] = Loader(batch_loader, rooms.of_users)
        self._room_views: Loader[_Asked, list[RoomView]] = Loader(batch_loader, _load)

    def of(self, user: UserId) -> asyncio.Future[Sequence[RoomId] | None]:
        """
        The rooms that ``user`` is a member of.

        Raises (when awaited):
            Unavailable: If the database can't be read now.

        """
        return self._ids.get(user)

    async def room_views(self, user: UserId, limit: int) -> list[RoomView]:
        """
        The same with where the user stands in them, by name, at most ``limit``.

        Raises:
            Unavailable: If the database can't be read now.

        """
        asked = _Asked(user, limit, self._receipts.pending(user))
        return await self._room_views.get(asked) or []


def _load(connection: DbConnection, keys: Sequence[_Asked]) -> Mapping[_Asked, list[RoomView]]:
    # In a database thread: what the event loop owns came with the keys.
    mine = rooms.of_users(connection, [asked.user for asked in keys])
    wanted: dict[_Asked, list[RoomViewKey]] = {}
    for asked in keys:
        read = dict(asked.receipts)
        of_user = mine[asked.user][: asked.limit]
        wanted[asked] = [(room, asked.user, read.get(room, 0)) for room in of_user]
    found = room_view_store.load(connection, {key for of_one in wanted.values() for key in of_one})
    return {
        asked: sorted((found[key] for key in of_one), key=lambda view: view.name)
        for asked, of_one in wanted.items()
    }
