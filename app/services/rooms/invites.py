"""Invitations: a code that lets whoever has it into a room."""

from collections.abc import Callable, Sequence

from ...domain.appends import Append, Join
from ...domain.authorization import effective_role, require
from ...domain.errors import Forbidden, InviteNotFound, RoomNotFound
from ...domain.ids import Millis, RoomId, UserId
from ...domain.roles import Action, may
from ...domain.views import RoomView
from ...security.codes import code_hash, new_code
from ...store import invites, working_set_loader
from ...store.database import Database, DbConnection
from ...store.invites import Invite
from ..log.transactions import Effects, Transactions, append_all
from .room_directory import RoomDirectory
from .rooms import Rooms


class Invites:
    """Making, listing, revoking and accepting invitations."""

    def __init__(
        self,
        database: Database,
        *,
        transactions: Transactions,
        directory: RoomDirectory,
        rooms: Rooms,
        now: Callable[[], Millis],
    ) -> None:
        self._database = database
        self._directory = directory
        self._rooms = rooms
        self._transactions = transactions
        self._now = now

    async def make(
        self,
        me: UserId,
        room: str,
        *,
        expires_in: int | None = None,
        max_uses: int | None = None,
    ) -> tuple[Invite, str]:
        """
        An invitation to a room, and its code, which is nowhere else.

        Args:
            expires_in: Seconds; None: it holds until it is revoked.
            max_uses: None: any number.

        Raises:
            RoomNotFound: If there is no such room, or it is not for them to know.
            Forbidden: If their role doesn't allow it, or the room is archived.

        """
        id_, at, code = await self._directory.find(room), self._now(), new_code()
        hashed = code_hash(code)
        expires_at = None if expires_in is None else Millis(at + expires_in * 1000)

        def work(connection: DbConnection) -> Invite:
            _may_invite(connection, id_, me, at)
            return invites.insert(
                connection,
                id_,
                code_hash=hashed,
                by=me,
                at=at,
                expires_at=expires_at,
                max_uses=max_uses,
            )

        return await self._database.write(work), code

    async def page(
        self, me: UserId, is_admin: bool, room: str, *, before: int | None = None, limit: int
    ) -> Sequence[Invite]:
        """
        The invitations to a room that can be used, the newest first.

        Raises:
            RoomNotFound: If there is no such room, or it is not for them to know.
            Forbidden: If their role doesn't allow it.

        """
        view = await self._rooms.get(me, room)
        if not may(effective_role(view, is_admin=is_admin), Action.INVITE):
            raise Forbidden("Your role in this room doesn't allow that.")
        at = self._now()
        return await self._database.read(
            lambda c: invites.page(c, view.room, at=at, before=before, limit=limit)
        )

    async def revoke(self, me: UserId, room: str, id_: int) -> None:
        """
        Let an invitation be used no more. Idempotent; who came by it stays.

        Raises:
            RoomNotFound: If there is no such room, or it is not for them to know.
            Forbidden: If their role doesn't allow it, or the room is archived.

        """
        found, at = await self._directory.find(room), self._now()

        def work(connection: DbConnection) -> None:
            _may_invite(connection, found, me, at)
            invites.revoke(connection, found, id_, at)

        await self._database.write(work)

    async def accept(self, me: UserId, code: str) -> RoomView:
        """
        Become a member by an invitation. Who is one already uses nothing up.

        The use and the membership are one transaction. Safe to cancel: it is then carried out
        unseen.

        Raises:
            InviteNotFound: If there is no such code, or it can no longer be used, or not by them.
            Forbidden: If the room is archived.

        """
        hashed, at = code_hash(code), self._now()
        # Whoever guesses keeps no writer waiting.
        if await self._database.read(lambda c: invites.by_code(c, hashed, at)) is None:
            raise InviteNotFound
        room = await self._transactions.write(lambda c: self._use(c, me, hashed, at))
        return await self._rooms.at(me, room)

    # Internal

    def _use(
        self, connection: DbConnection, me: UserId, hashed: bytes, at: Millis
    ) -> tuple[RoomId, Effects]:
        invite = invites.by_code(connection, hashed, at)
        if invite is None:
            raise InviteNotFound
        try:
            request = Join(room=invite.room, by=me, at=at, invited=True)
            carried = append_all(connection, [request])
        except RoomNotFound:
            raise InviteNotFound from None
        if carried.event_batches and not invites.use(connection, invite.id, at):
            raise InviteNotFound
        return invite.room, Effects(carried.event_batches)


def _may_invite(connection: DbConnection, room: RoomId, by: UserId, at: Millis) -> None:
    """Lock the room and ask, as for an append, whether ``by`` may invite to it."""
    request = Append(room=room, by=by, at=at)
    require(working_set_loader.load(connection, [request]), request, Action.INVITE)
