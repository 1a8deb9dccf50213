"""Leaving every room, because the account is to be erased: none is left without an owner."""

from collections.abc import Callable
from functools import partial

from ...domain.appends import Admit, Append, Remove, UpdateRoom
from ...domain.ids import Millis, RoomId, UserId
from ...domain.roles import Kind, Role
from ...store import blocks, members, rooms, working_set_loader
from ...store.database import Database, DbConnection
from ..log.transactions import Effects, Transactions, append_all


class MembershipRemoval:
    """Takes users out of rooms, one transaction a room."""

    def __init__(
        self, database: Database, transactions: Transactions, now: Callable[[], Millis]
    ) -> None:
        self._database = database
        self._transactions = transactions
        self._now = now

    async def remove_memberships(self, user: UserId) -> None:
        """
        Have a user leave every room, because their account is to be erased. Idempotent.

        An owner without another hands over to the moderator who has been there longest, else
        to such a member; where nobody is left, and in direct rooms, the room is archived.

        Raises:
            Unavailable: If it can't be done now. What was left stays left.

        """
        mine = await self._database.read(lambda c: rooms.of_users(c, [user])[user])
        for room in mine:
            await self._transactions.write(partial(self._leave, user=user, room=room))
        await self._database.write(lambda c: blocks.delete_all(c, user))

    def _leave(self, connection: DbConnection, user: UserId, room: RoomId) -> tuple[None, Effects]:
        at = self._now()
        # Locked, so that whoever is chosen is still there.
        working_set_loader.load(connection, [Append(room=room, by=None, at=at)])
        held = members.departing_member(connection, room, user)
        if held is None:
            return None, Effects()
        appends: list[Append] = []
        if held.kind is Kind.DIRECT or (held.role is Role.OWNER and held.successor is None):
            closing = UpdateRoom(room=room, by=None, at=at, archived=True, as_operator=True)
            appends.append(closing)
        elif held.role is Role.OWNER and held.successor is not None:
            appends.append(Admit(room=room, by=None, at=at, user=held.successor, role=Role.OWNER))
        appends.append(Remove(room=room, by=None, at=at, user=user))
        return None, Effects(append_all(connection, appends).event_batches)
