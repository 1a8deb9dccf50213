"""Finding, creating and changing rooms."""

import re
import secrets
import string
from collections.abc import Callable, Sequence

from ...domain import labels, names
from ...domain.appends import CreateRoom, OpenDirect, UpdateRoom
from ...domain.authorization import authorize_read
from ...domain.ids import Millis, RoomId, UserId
from ...domain.roles import Kind, Role
from ...domain.views import RoomView
from ...domain.working_set import NO_ROOM
from ...store import room_views as room_view_store
from ...store import rooms, users
from ...store.database import Database, DbConnection
from ..log.committer import Committer
from ..log.read_receipt_buffer import ReadReceiptBuffer
from .room_directory import RoomDirectory
from .room_views import RoomViews

_NAME_CHARACTERS = re.compile(r"[a-z0-9_.-]*", re.ASCII)
_RANDOM_CHARACTERS = string.ascii_lowercase + string.digits
# 103 random bits: no collisions.
_DIRECT_NAME_CHARACTERS = 20


class Rooms:
    """
    Rooms, as one user sees them. Used in the event loop.

    Changes return after their commit; whether they are allowed is decided there, in
    :mod:`app.domain.decide`. Everything raises ``Unavailable`` if the database can't be used now.
    """

    def __init__(
        self,
        database: Database,
        *,
        committer: Committer,
        directory: RoomDirectory,
        room_views: RoomViews,
        receipts: ReadReceiptBuffer,
        now: Callable[[], Millis],
    ) -> None:
        self._database = database
        self._committer = committer
        self._directory = directory
        self._room_views = room_views
        self._receipts = receipts
        self._now = now

    # Reading

    async def find(self, name: str) -> RoomId:
        """
        The id of the room of this name; ``NOWHERE`` if there is none. Checks no access.

        Raises:
            RoomNotFound: If no room can have this name.

        """
        return await self._directory.find(name)

    async def get(self, me: UserId, name: str) -> RoomView:
        """
        A room as the caller sees it.

        Raises:
            RoomNotFound: If there is no such room, or the caller may not see it.
            Banned: If the room is public and the caller is banned.

        """
        return await self.at(me, await self._directory.find(name))

    async def at(self, me: UserId, room: RoomId) -> RoomView:
        """
        Like :meth:`get`, for a room id.

        Raises:
            RoomNotFound: If there is no such room, or the caller may not see it.
            Banned: If the room is public and the caller is banned.

        """
        return authorize_read(await self._room_views.get(room, me), self._now())

    async def visible(
        self, me: UserId, *, mine: bool, prefix: str, after: str = "", limit: int
    ) -> Sequence[RoomView]:
        """The caller's rooms and, unless ``mine``, public ones that are open, in order of name."""
        prefix, now = prefix.lower(), self._now()
        if not _NAME_CHARACTERS.fullmatch(prefix):
            return []

        # A copy, since `work` runs in a database thread.
        marks = self._receipts.pending(me)

        def work(connection: DbConnection) -> list[RoomView]:
            found = rooms.visible(
                connection, me, mine=mine, prefix=prefix, after=after, limit=limit, now=now
            )
            keys = room_view_store.with_marks(me, found, marks)
            room_views = room_view_store.load(connection, keys)
            return [room_views[key] for key in keys]

        return await self._database.read(work)

    # Changing

    async def create(self, me: UserId, name: str, title: str, kind: Kind) -> RoomView:
        """
        Create a room; the caller becomes its owner.

        Raises:
            RoomExists: If the name is taken.
            Invalid: If the name or the title is not acceptable.

        """
        append = CreateRoom(
            room=NO_ROOM,
            by=me,
            at=self._now(),
            name=names.new_room_name(name),
            title=labels.title(title),
            kind=kind,
        )
        committed = await self._committer.append(append)
        return await self.at(me, committed.room)

    async def open_direct(self, me: UserId, username: str) -> RoomView:
        """
        The direct room of the caller and another user; created if there is none yet.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If that user has blocked the caller.
            Conflict: If the user is the caller.

        """
        name = names.username(username)
        other = await self._database.read(lambda c: users.known(c, name))
        append = OpenDirect(
            room=NO_ROOM, by=me, at=self._now(), user=other.id, name=_direct_name()
        )
        committed = await self._committer.append(append)
        return await self.at(me, committed.room)

    async def update(
        self,
        me: UserId,
        name: str,
        *,
        title: str | None = None,
        slow_mode_seconds: int | None = None,
        room_mention_role: Role | None = None,
        archived: bool | None = None,
    ) -> RoomView:
        """
        Change the attributes that are given.

        Raises:
            RoomNotFound: If there is no such room, or the caller may not see it.
            Forbidden: If the caller's role doesn't allow it, or the room is archived.
            Invalid: If the title is not acceptable.

        """
        room = await self._directory.find(name)
        append = UpdateRoom(
            room=room,
            by=me,
            at=self._now(),
            title=None if title is None else labels.title(title),
            slow_mode_seconds=slow_mode_seconds,
            room_mention_role=room_mention_role,
            archived=archived,
        )
        await self._committer.append(append)
        return await self.at(me, room)


def _direct_name() -> str:
    characters = (secrets.choice(_RANDOM_CHARACTERS) for _ in range(_DIRECT_NAME_CHARACTERS))
    return names.DIRECT_PREFIX + "".join(characters)
