"""Rooms: finding them, making them, changing them."""

import re
import secrets
import string
from collections.abc import Callable, Sequence

from ...domain import names, text
from ...domain.appends import CreateRoom, OpenDirect, UpdateRoom
from ...domain.authorization import authorize_read
from ...domain.ids import Millis, RoomId, UserId
from ...domain.roles import Kind
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
# 103 bits: two rooms never draw the same.
_DIRECT_NAME_CHARACTERS = 20


class Rooms:
    """Rooms, as one user sees them. Who may do what the log decides."""

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

    # Looking

    async def find(self, name: str) -> RoomId:
        """
        The room of this name. Whether somebody may know of it is another question.

        Raises:
            RoomNotFound: If there is none.

        """
        return await self._directory.find(name)

    async def get(self, me: UserId, name: str) -> RoomView:
        """
        A room that one may read, and where one stands in it.

        Raises:
            RoomNotFound: If there is no such room, or it is not for them to know.
            Banned: From a public room.

        """
        return await self.at(me, await self._directory.find(name))

    async def at(self, me: UserId, room: RoomId) -> RoomView:
        """
        The same for a room whose id is known.

        Raises:
            RoomNotFound: If there is no such room, or it is not for them to know.
            Banned: From a public room.

        """
        return authorize_read(await self._room_views.get(room, me), self._now())

    async def visible(
        self, me: UserId, *, mine: bool, prefix: str, after: str = "", limit: int
    ) -> Sequence[RoomView]:
        """One's rooms, and unless ``mine`` the public ones that are open, by name."""
        prefix, now = prefix.lower(), self._now()
        if not _NAME_CHARACTERS.fullmatch(prefix):
            return []

        # A copy: the work runs in a database thread.
        read = dict(self._receipts.pending(me))

        def work(connection: DbConnection) -> list[RoomView]:
            found = rooms.visible(
                connection, me, mine=mine, prefix=prefix, after=after, limit=limit, now=now
            )
            keys = [(room, me, read.get(room, 0)) for room in found]
            room_views = room_view_store.load(connection, keys)
            return [room_views[key] for key in keys]

        return await self._database.read(work)

    # Changing

    async def create(self, me: UserId, name: str, title: str, kind: Kind) -> RoomView:
        """
        Make a room; whoever asks is its owner.

        Raises:
            RoomExists: If there is one of this name.
            Invalid: If the name or the title can't be taken.

        """
        append = CreateRoom(
            room=NO_ROOM,
            by=me,
            at=self._now(),
            name=names.new_room_name(name),
            title=text.title(title),
            kind=kind,
        )
        done = await self._committer.append(append)
        return await self.at(me, done.room)

    async def open_direct(self, me: UserId, username: str) -> RoomView:
        """
        The room of oneself and another, made the first time.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If they have blocked whoever asks.
            Conflict: If it is oneself.

        """
        proper = names.username(username)
        other = await self._database.read(lambda c: users.known(c, proper))
        append = OpenDirect(
            room=NO_ROOM, by=me, at=self._now(), user=other.id, name=_direct_name()
        )
        done = await self._committer.append(append)
        return await self.at(me, done.room)

    async def update(
        self,
        me: UserId,
        name: str,
        *,
        title: str | None = None,
        slow_mode_seconds: int | None = None,
        archived: bool | None = None,
    ) -> RoomView:
        """
        Change what is given.

        Raises:
            RoomNotFound: If there is no such room, or it is not for them to know.
            Forbidden: If their role doesn't allow it, or the room is archived.
            Invalid: If the title can't be taken.

        """
        room = await self._directory.find(name)
        append = UpdateRoom(
            room=room,
            by=me,
            at=self._now(),
            title=None if title is None else text.title(title),
            slow_mode_seconds=slow_mode_seconds,
            archived=archived,
        )
        await self._committer.append(append)
        return await self.at(me, room)


def _direct_name() -> str:
    drawn = (secrets.choice(_RANDOM_CHARACTERS) for _ in range(_DIRECT_NAME_CHARACTERS))
    return names.DIRECT_PREFIX + "".join(drawn)
