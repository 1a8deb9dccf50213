"""The members of a room: joining, adding, roles, leaving, removing, bans and mutes."""

from collections.abc import Callable, Sequence

from ...domain import names
from ...domain.appends import Admit, Ban, Mute, Remove
from ...domain.authorization import authorize_read
from ...domain.errors import Invalid, UserNotFound
from ...domain.ids import Millis, RoomId, UserId
from ...domain.roles import Role
from ...domain.views import MemberView
from ...domain.working_set import FOREVER
from ...store import members as member_store
from ...store import room_access, users
from ...store.database import Database, DbConnection
from ...store.users import User
from ..log.committer import Committer
from .room_directory import RoomDirectory
from .rooms import Rooms


class Members:
    """
    The members of rooms. Used in the event loop; changes return after their commit.

    Everything raises ``RoomNotFound`` if the caller may not see the room, before it looks at the
    other user; ``Banned`` if the room is public and the caller is banned; and ``Unavailable``.
    """

    def __init__(
        self,
        database: Database,
        *,
        committer: Committer,
        directory: RoomDirectory,
        rooms: Rooms,
        now: Callable[[], Millis],
    ) -> None:
        self._database = database
        self._committer = committer
        self._directory = directory
        self._rooms = rooms
        self._now = now

    # Reading

    async def page(
        self, me: UserId, room: str, *, after: str = "", limit: int
    ) -> Sequence[MemberView]:
        """The members in order of name, after the name ``after``."""
        id_ = await self._directory.find(room)
        now = self._now()

        def work(connection: DbConnection) -> list[MemberView]:
            _require_readable(connection, id_, me, now)
            return member_store.page(connection, id_, after=after, limit=limit)

        return [_without_expired_mute(member, now) for member in await self._database.read(work)]

    async def get(self, me: UserId, room: str, username: str) -> MemberView:
        """
        One member.

        Raises:
            UserNotFound: If there is no such user, or the user is not a member.

        """
        id_ = await self._directory.find(room)
        now = self._now()

        def work(connection: DbConnection) -> MemberView | None:
            _require_readable(connection, id_, me, now)
            user = users.known(connection, names.username(username))
            return member_store.one(connection, id_, user.id)

        return _found(await self._database.read(work), now)

    # Changing

    async def put(self, me: UserId, room: str, username: str, role: Role | None) -> MemberView:
        """
        Join a public room, add a user, or change the role of a member.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If the caller's role doesn't allow it, or the room is archived or direct.
            Conflict: If the user is banned, or the room would be left without an owner.

        """
        id_, user = await self._find_user(me, room, username)
        at = self._now()
        await self._committer.append(Admit(room=id_, by=me, at=at, user=user.id, role=role))
        return await self._read_member(id_, user.id)

    async def remove(self, me: UserId, room: str, username: str) -> None:
        """
        Leave, or remove a member. Idempotent.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If the caller's role doesn't allow it.
            Conflict: If the room would be left without an owner.

        """
        id_, user = await self._find_user(me, room, username)
        at = self._now()
        await self._committer.append(Remove(room=id_, by=me, at=at, user=user.id))

    async def ban(
        self, me: UserId, room: str, username: str, until: Millis | None
    ) -> tuple[str, Millis]:
        """
        Ban a user until a time, or for good; return the username and that time.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If the caller's role doesn't allow it.
            Conflict: If the user is the caller, or the only owner.
            Invalid: If the time has passed.

        """
        at = self._check_until(until)
        id_, user = await self._find_user(me, room, username)
        await self._committer.append(
            Ban(room=id_, by=me, at=at, user=user.id, on=True, until=until)
        )
        return user.username, until or FOREVER

    async def unban(self, me: UserId, room: str, username: str) -> None:
        """
        Lift a ban, which doesn't make the user a member. Idempotent.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If the caller's role doesn't allow it.

        """
        id_, user = await self._find_user(me, room, username)
        at = self._now()
        await self._committer.append(Ban(room=id_, by=me, at=at, user=user.id, on=False))

    async def mute(self, me: UserId, room: str, username: str, until: Millis | None) -> MemberView:
        """
        Mute a member until a time, or for good: they can read, but not post.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If the caller's role doesn't allow it.
            Conflict: If the user is the caller, or not a member.
            Invalid: If the time has passed.

        """
        at = self._check_until(until)
        id_, user = await self._find_user(me, room, username)
        await self._committer.append(
            Mute(room=id_, by=me, at=at, user=user.id, on=True, until=until)
        )
        return await self._read_member(id_, user.id)

    async def unmute(self, me: UserId, room: str, username: str) -> None:
        """
        Unmute a member. Idempotent.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If the caller's role doesn't allow it.

        """
        id_, user = await self._find_user(me, room, username)
        at = self._now()
        await self._committer.append(Mute(room=id_, by=me, at=at, user=user.id, on=False))

    # Internal

    async def _find_user(self, me: UserId, room: str, username: str) -> tuple[RoomId, User]:
        # The room first: a caller who can't see it must not learn whether the user exists.
        view = await self._rooms.get(me, room)
        name = names.username(username)
        return view.room, await self._database.read(lambda c: users.known(c, name))

    def _check_until(self, until: Millis | None) -> Millis:
        """Check the end of a ban or a mute; return the present time."""
        now = self._now()
        if until is not None and until <= now:
            raise Invalid.field("until", "is not in the future")
        if until is not None and until > FOREVER:
            raise Invalid.field("until", "is after the year 9999")
        return now

    async def _read_member(self, room: RoomId, user: UserId) -> MemberView:
        found = await self._database.read(lambda c: member_store.one(c, room, user))
        return _found(found, self._now())


def _require_readable(connection: DbConnection, room: RoomId, user: UserId, now: Millis) -> None:
    key = (room, user)
    authorize_read(room_access.load(connection, [key]).get(key), now)


def _found(member: MemberView | None, now: Millis) -> MemberView:
    if member is None:
        raise UserNotFound("This user is not a member of the room.")
    return _without_expired_mute(member, now)


def _without_expired_mute(member: MemberView, now: Millis) -> MemberView:
    if member.muted_until is not None and member.muted_until <= now:
        return member._replace(muted_until=None)
    return member
