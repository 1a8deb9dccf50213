"""The rooms that users are members of, for those who connect."""

import asyncio
from collections.abc import Mapping, Sequence

from app.domain.ids import RoomId, UserId
from app.domain.views import Standing
from app.services.log.read_receipt_buffer import ReadMarkers
from app.store import rooms
from app.store.batch_loader import Gathering, Together
from app.store.database import Connection


class Memberships:
    """Reads memberships, for all who ask at once."""

    def __init__(self, gathering: Gathering, markers: ReadMarkers) -> None:
        self._markers = markers
        self._ids: Together[UserId, Sequence[RoomId]] = Together(gathering, rooms.of_users)
        self._standings: Together[tuple[UserId, int], list[Standing]] = Together(
            gathering, self._load
        )

    def of(self, user: UserId) -> asyncio.Future[Sequence[RoomId] | None]:
        """
        The rooms that ``user`` is a member of.

        Raises (when awaited):
            Unavailable: If the database can't be read now.

        """
        return self._ids.get(user)

    async def standings(self, user: UserId, limit: int) -> list[Standing]:
        """
        The same with where the user stands in them, by name, at most ``limit``.

        Raises:
            Unavailable: If the database can't be read now.

        """
        return await self._standings.get((user, limit)) or []

    def _load(
        self, connection: Connection, keys: Sequence[tuple[UserId, int]]
    ) -> Mapping[tuple[UserId, int], list[Standing]]:
        mine = rooms.of_users(connection, [user for user, _ in keys])
        wanted = {
            (room, user, self._markers.latest(room, user, 0))
            for user, limit in keys
            for room in mine[user][:limit]
        }
        found: dict[UserId, list[Standing]] = {user: [] for user, _ in keys}
        for (_, user, _), standing in rooms.standings(connection, wanted).items():
            found[user].append(standing)
        for standings in found.values():
            standings.sort(key=lambda standing: standing.name)
        return {(user, limit): found[user][:limit] for user, limit in keys}
