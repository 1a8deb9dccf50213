"""Removing a user from every room before the account is erased, handing over ownership."""

from collections.abc import Callable
from functools import partial

from ...domain.appends import Admit, AnnounceErasure, Append, Remove, UpdateRoom
from ...domain.ids import Millis, RoomId, UserId
from ...domain.roles import Kind, Role
from ...store import blocks, erasures, members, rooms, working_set_loader
from ...store.database import Database, DbConnection
from ..log.transactions import Effects, Transactions, append_all


class MembershipRemoval:
    """Removes users from their rooms, in one transaction per room. Used in the event loop."""

    def __init__(
        self, database: Database, transactions: Transactions, now: Callable[[], Millis]
    ) -> None:
        self._database = database
        self._transactions = transactions
        self._now = now

    async def remove_memberships(self, user: UserId) -> None:
        """
        Remove a user from every room, announce the erasure there and in the rooms that they had
        left, and delete their blocks. Idempotent.

        If the user is a room's only owner, the moderator with the longest membership becomes its
        owner, or else the member with the longest. A room without a successor is archived, and so
        is a direct room.

        Raises:
            Unavailable: If the database can't be used now. Rooms that were left stay left.

        """
        for room in await self._database.read(lambda c: rooms.ever_of_user(c, user)):
            leave = partial(_leave, user=user, room=room, at=self._now())
            await self._transactions.write(leave)
        await self._database.write(lambda c: blocks.delete_all(c, user))


def _leave(
    connection: DbConnection, user: UserId, room: RoomId, *, at: Millis
) -> tuple[None, Effects]:
    # Loading locks the room, so that the successor can't leave before the hand-over.
    working_set_loader.load(connection, [Append(room=room, by=None, at=at)])
    leaving = members.departing_member(connection, room, user)
    appends: list[Append] = []
    if not erasures.is_announced(connection, user, room):
        appends.append(AnnounceErasure(room=room, by=None, at=at, user=user))
        erasures.mark_announced(connection, user, room)
    if leaving is not None:
        leave = Remove(room=room, by=None, at=at, user=user)
        if leaving.kind is Kind.DIRECT or (
            leaving.role is Role.OWNER and leaving.successor is None
        ):
            closing = UpdateRoom(room=room, by=None, at=at, archived=True, as_operator=True)
            # Announced before the members lose access.
            appends += [closing, leave]
        elif leaving.role is Role.OWNER and leaving.successor is not None:
            heir = Admit(room=room, by=None, at=at, user=leaving.successor, role=Role.OWNER)
            appends = [heir, leave, *appends]
        else:
            appends = [leave, *appends]
    if not appends:
        return None, Effects()
    return None, Effects(append_all(connection, appends).event_batches)
