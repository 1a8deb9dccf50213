"""The rooms that users are members of, for those who connect."""

import asyncio
from collections.abc import Mapping, Sequence

from app.domain.ids import RoomId, UserId
from app.domain.views import RoomView
from app.services.log.read_receipt_buffer import ReadReceiptBuffer
from app.store import room_views as room_view_store
from app.store import rooms
from app.store.batch_loader import BatchLoader, Loader
from app.store.database import DbConnection


class MembershipLoader:
    """Reads memberships, for all who ask at once."""

    def __init__(self, batch_loader: BatchLoader, markers: ReadReceiptBuffer) -> None:
        self._markers = markers
        self._ids: Loader[UserId, Sequence[RoomId]] = Loader(batch_loader, rooms.of_users)
        self._room_views: Loader[tuple[UserId, int], list[RoomView]] = Loader(
            batch_loader, self._load
        )

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
        return await self._room_views.get((user, limit)) or []

    def _load(
        self, connection: DbConnection, keys: Sequence[tuple[UserId, int]]
    ) -> Mapping[tuple[UserId, int], list[RoomView]]:
        mine = rooms.of_users(connection, [user for user, _ in keys])
        wanted = {
            (room, user, self._markers.latest(room, user, 0))
            for user, limit in keys
            for room in mine[user][:limit]
        }
        found: dict[UserId, list[RoomView]] = {user: [] for user, _ in keys}
        for (_, user, _), view in room_view_store.load(connection, wanted).items():
            found[user].append(view)
        for room_views in found.values():
            room_views.sort(key=lambda view: view.name)
        return {(user, limit): found[user][:limit] for user, limit in keys}
