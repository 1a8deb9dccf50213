"""Reading one message, what belongs to it, and what happened: each of one snapshot."""

from collections.abc import Callable
from typing import NamedTuple

from ...domain.authorization import authorize_read, effective_role
from ...domain.errors import (
    Conflict,
    Forbidden,
    Gone,
    MessageNotFound,
)
from ...domain.events import EventBatch
from ...domain.ids import Millis, RoomId, UserId
from ...domain.roles import Action, may
from ...domain.views import EarlierText, MessagePage, MessageView, RoomAccess
from ...store import edit_history, messages, room_access
from ...store import events as event_store
from ...store.database import Database, DbConnection
from ..accounts.authenticator import Identity
from ..log.epoch import Epoch
from ..rooms.room_directory import RoomDirectory


class LogPage(NamedTuple):
    """Consecutive events, and where the room stands: one snapshot. ``run`` None: no events."""

    batch: EventBatch | None
    since: int
    head: int
    first: int
    epoch: str

    @property
    def last(self) -> int:
        """The cursor after this page."""
        return self.since if self.batch is None else self.batch.last

    @property
    def has_more(self) -> bool:
        """Whether the log goes on after it."""
        return self.last < self.head


class History:
    """
    Rooms' messages and events, for those who may read them.

    Whether one may is decided on the snapshot that the page is of. Everything raises
    ``RoomNotFound`` (there is no such room, or it is not for them to know), ``Banned`` (from
    a public room) and ``Unavailable``.
    """

    def __init__(
        self,
        database: Database,
        *,
        directory: RoomDirectory,
        epoch: Epoch,
        now: Callable[[], Millis],
    ) -> None:
        self._database = database
        self._directory = directory
        self._epoch = epoch
        self._now = now

    # Messages

    async def message(self, me: UserId, name: str, seq: int) -> MessageView:
        """
        One message.

        Raises:
            MessageNotFound: If the number is not that of a message.

        """
        room = await self._directory.find(name)

        def work(connection: DbConnection) -> MessageView:
            self._reader(connection, room, me)
            return _message(connection, room, seq)

        return await self._database.read(work)

    async def replies(
        self, me: UserId, name: str, seq: int, *, after: int = 0, limit: int
    ) -> MessagePage:
        """
        The replies to a message, oldest first.

        Raises:
            MessageNotFound: If the number is not that of a message.

        """
        room = await self._directory.find(name)

        def work(connection: DbConnection) -> MessagePage:
            self._reader(connection, room, me)
            _message(connection, room, seq)
            return messages.replies(connection, room, seq, after=after, limit=limit)

        return await self._database.read(work)

    async def pinned(
        self, me: UserId, name: str, *, before: int | None = None, limit: int
    ) -> MessagePage:
        """Pinned messages, the newest first."""
        room = await self._directory.find(name)

        def work(connection: DbConnection) -> MessagePage:
            self._reader(connection, room, me)
            return messages.pinned(connection, room, before, limit)

        return await self._database.read(work)

    async def wordings(
        self, me: Identity, name: str, seq: int, *, after: int = 0, limit: int
    ) -> list[EarlierText]:
        """
        What a message said before it was edited, oldest first.

        Raises:
            MessageNotFound: If the number is not that of a message.
            Forbidden: If one is neither its author nor a moderator.

        """
        room = await self._directory.find(name)

        def work(connection: DbConnection) -> list[EarlierText]:
            access = self._reader(connection, room, me.user)
            message = _message(connection, room, seq)
            role = effective_role(access, is_admin=me.is_admin)
            if message.by != me.username and not may(role, Action.READ_EDITS):
                raise Forbidden("Only its author and moderators can read earlier wordings.")
            return edit_history.wordings(connection, room, seq, after=after, limit=limit)

        return await self._database.read(work)

    # Events

    async def events(
        self, me: UserId, name: str, since: int, *, limit: int, upto: int | None = None
    ) -> LogPage:
        """
        The events after ``since``, oldest first.

        Args:
            upto: The last one to show; None: the head.

        Raises:
            Gone: If some of them are no longer kept.
            Conflict: If the log does not reach to ``since``.

        """
        room = await self._directory.find(name)
        epoch = self._epoch.name

        def work(connection: DbConnection) -> LogPage:
            access = self._reader(connection, room, me)
            head, first = access.head, access.first
            check_cursor(access, since)
            last = head if upto is None else min(upto, head)
            batch = event_store.batch_after(connection, room, since, upto=last, limit=limit)
            return LogPage(batch, since, head, first, epoch)

        return await self._database.read(work)

    def _reader(self, connection: DbConnection, room: RoomId, me: UserId) -> RoomAccess:
        key = (room, me)
        return authorize_read(room_access.load(connection, [key]).get(key), self._now())


def check_cursor(access: RoomAccess, since: int) -> None:
    """
    Whether a client that holds everything up to ``since`` can carry on from there.

    Raises:
        Gone: If what comes next is no longer kept.
        Conflict: If there is no such event yet.

    """
    if since > access.head:
        raise Conflict("The log does not reach that far: this history is another one.")
    if since < access.first - 1:
        raise Gone


def _message(connection: DbConnection, room: RoomId, seq: int) -> MessageView:
    found = messages.one(connection, room, seq)
    if found is None:
        raise MessageNotFound
    return found
