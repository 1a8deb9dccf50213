"""Who is in a room: joining, adding, roles, leaving, removing, bans and mutes."""

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
    The members of rooms.

    Everything here raises ``RoomNotFound`` for a room that is not for the caller to know,
    whoever else is named, and ``Banned`` for a public one that they are banned from.
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

    # Looking

    async def page(
        self, me: UserId, room: str, *, after: str = "", limit: int
    ) -> Sequence[MemberView]:
        """The members by name, those after ``after``."""
        id_ = await self._directory.find(room)
        now = self._now()

        def work(connection: DbConnection) -> list[MemberView]:
            _readable(connection, id_, me, now)
            return member_store.page(connection, id_, after=after, limit=limit)

        return [_as_of(member, now) for member in await self._database.read(work)]

    async def get(self, me: UserId, room: str, username: str) -> MemberView:
        """
        One member.

        Raises:
            UserNotFound: If there is no such user, or they are no member.

        """
        id_ = await self._directory.find(room)
        now = self._now()

        def work(connection: DbConnection) -> MemberView | None:
            _readable(connection, id_, me, now)
            user = users.known(connection, names.username(username))
            return member_store.one(connection, id_, user.id)

        return _member(await self._database.read(work), now)

    # Changing

    async def put(self, me: UserId, room: str, username: str, role: Role | None) -> MemberView:
        """
        Join a public room, add somebody, or change the role of a member.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If the caller may not, or the room is archived or a direct one.
            Conflict: If they are banned, or the room would be left without an owner.

        """
        id_, user = await self._find(me, room, username)
        at = self._now()
        await self._committer.append(Admit(room=id_, by=me, at=at, user=user.id, role=role))
        return await self._now_is(id_, user.id)

    async def remove(self, me: UserId, room: str, username: str) -> None:
        """
        Leave, or remove somebody. Idempotent.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If the caller may not.
            Conflict: If the room would be left without an owner.

        """
        id_, user = await self._find(me, room, username)
        at = self._now()
        await self._committer.append(Remove(room=id_, by=me, at=at, user=user.id))

    async def ban(
        self, me: UserId, room: str, username: str, until: Millis | None
    ) -> tuple[str, Millis]:
        """
        Keep somebody out until a moment, or for good; answers the username and the moment.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If the caller may not.
            Conflict: If it is oneself, or the only owner.
            Invalid: If the moment has passed.

        """
        at = self._future(until)
        id_, user = await self._find(me, room, username)
        await self._committer.append(
            Ban(room=id_, by=me, at=at, user=user.id, on=True, until=until)
        )
        return user.username, until or FOREVER

    async def unban(self, me: UserId, room: str, username: str) -> None:
        """
        Let somebody come again; they are no member by that. Idempotent.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If the caller may not.

        """
        id_, user = await self._find(me, room, username)
        at = self._now()
        await self._committer.append(Ban(room=id_, by=me, at=at, user=user.id, on=False))

    async def mute(self, me: UserId, room: str, username: str, until: Millis | None) -> MemberView:
        """
        Let a member only listen until a moment, or for good.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If the caller may not.
            Conflict: If it is oneself, or no member.
            Invalid: If the moment has passed.

        """
        at = self._future(until)
        id_, user = await self._find(me, room, username)
        await self._committer.append(
            Mute(room=id_, by=me, at=at, user=user.id, on=True, until=until)
        )
        return await self._now_is(id_, user.id)

    async def unmute(self, me: UserId, room: str, username: str) -> None:
        """
        Let a member speak again. Idempotent.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If the caller may not.

        """
        id_, user = await self._find(me, room, username)
        at = self._now()
        await self._committer.append(Mute(room=id_, by=me, at=at, user=user.id, on=False))

    # Internal

    async def _find(self, me: UserId, room: str, username: str) -> tuple[RoomId, User]:
        # The room first: whether somebody exists is no answer about a room that one can't see.
        view = await self._rooms.get(me, room)
        name = names.username(username)
        return view.room, await self._database.read(lambda c: users.known(c, name))

    def _future(self, until: Millis | None) -> Millis:
        now = self._now()
        if until is not None and until <= now:
            raise Invalid.field("until", "is not in the future")
        if until is not None and until > FOREVER:
            raise Invalid.field("until", "is after the year 9999")
        return now

    async def _now_is(self, room: RoomId, user: UserId) -> MemberView:
        found = await self._database.read(lambda c: member_store.one(c, room, user))
        return _member(found, self._now())


def _readable(connection: DbConnection, room: RoomId, user: UserId, now: Millis) -> None:
    key = (room, user)
    authorize_read(room_access.load(connection, [key]).get(key), now)


def _member(member: MemberView | None, now: Millis) -> MemberView:
    if member is None:
        raise UserNotFound("They are not a member of this room.")
    return _as_of(member, now)


def _as_of(member: MemberView, now: Millis) -> MemberView:
    """A mute that has run out is none."""
    if member.muted_until is not None and member.muted_until <= now:
        return member._replace(muted_until=None)
    return member
