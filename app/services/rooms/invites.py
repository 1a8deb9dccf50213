"""Invitations: secret codes, each of which makes its bearer a member of a room."""

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
    """
    Creates, lists, revokes and accepts invitations. Used in the event loop.

    Everything raises ``Unavailable`` if the database can't be used now.
    """

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

    async def create(
        self,
        me: UserId,
        room: str,
        *,
        expires_in: int | None = None,
        max_uses: int | None = None,
    ) -> tuple[Invite, str]:
        """
        Create an invitation. Return it with its code, of which only a hash is stored.

        Args:
            expires_in: Seconds; None: it is valid until it is revoked.
            max_uses: None: unlimited.

        Raises:
            RoomNotFound: If there is no such room, or the caller may not see it.
            Forbidden: If the caller's role doesn't allow it, or the room is archived.

        """
        id_, at, code = await self._directory.find(room), self._now(), new_code()
        hashed = code_hash(code)
        expires_at = None if expires_in is None else Millis(at + expires_in * 1000)

        def work(connection: DbConnection) -> Invite:
            _require_can_invite(connection, id_, me, at)
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
        The invitations to a room that can still be used, newest first, before ``before``.

        Raises:
            RoomNotFound: If there is no such room, or the caller may not see it.
            Forbidden: If the caller's role doesn't allow it.

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
        Revoke an invitation. Idempotent; members who have used it stay.

        Raises:
            RoomNotFound: If there is no such room, or the caller may not see it.
            Forbidden: If the caller's role doesn't allow it, or the room is archived.

        """
        found, at = await self._directory.find(room), self._now()

        def work(connection: DbConnection) -> None:
            _require_can_invite(connection, found, me, at)
            invites.revoke(connection, found, id_, at)

        await self._database.write(work)

    async def accept(self, me: UserId, code: str) -> RoomView:
        """
        Become a member by an invitation. For a member, it changes nothing and counts no use.

        The use and the membership are one transaction. Safe to cancel: the transaction is
        finished all the same.

        Raises:
            InviteNotFound: If there is no such code, it is no longer valid, or the caller is
                banned.
            Forbidden: If the room is archived.

        """
        hashed, at = code_hash(code), self._now()
        # Checked on a reader connection first, so that guessing can't block the writer.
        if await self._database.read(lambda c: invites.by_code(c, hashed, at)) is None:
            raise InviteNotFound
        room = await self._transactions.write(lambda c: _redeem(c, me, hashed, at))
        return await self._rooms.at(me, room)


def _redeem(
    connection: DbConnection, me: UserId, hashed: bytes, at: Millis
) -> tuple[RoomId, Effects]:
    invite = invites.by_code(connection, hashed, at)
    if invite is None:
        raise InviteNotFound
    try:
        request = Join(room=invite.room, by=me, at=at, invited=True)
        appended = append_all(connection, [request])
    except RoomNotFound:
        raise InviteNotFound from None
    if appended.event_batches and not invites.use(connection, invite.id, at):
        raise InviteNotFound
    return invite.room, Effects(appended.event_batches)


def _require_can_invite(connection: DbConnection, room: RoomId, by: UserId, at: Millis) -> None:
    """Lock the room and check, as for an append, that ``by`` may invite to it."""
    request = Append(room=room, by=by, at=at)
    require(working_set_loader.load(connection, [request]), request, Action.INVITE)
