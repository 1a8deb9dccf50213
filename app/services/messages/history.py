"""Reading one message, its replies and its edits, pinned messages, and the events of a room."""

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


class HistoryPage(NamedTuple):
    """A page of messages, and the history that their numbers belong to."""

    messages: MessagePage
    epoch: str


class LogPage(NamedTuple):
    """Consecutive events, None if there are none, and the room's state in the same snapshot."""

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
        """Whether there are events after this page."""
        return self.last < self.head


class History:
    """
    Messages and events of rooms that the caller may read. Used in the event loop.

    Access is checked on the snapshot from which the result is read. Everything raises
    ``RoomNotFound`` (there is no such room, or the caller may not see it), ``Banned`` (the room is
    public and the caller is banned) and ``Unavailable``.
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
            MessageNotFound: If ``seq`` is not that of a message.

        """
        room, now = await self._directory.find(name), self._now()

        def work(connection: DbConnection) -> MessageView:
            _authorize(connection, room, me, now)
            return _message(connection, room, seq)

        return await self._database.read(work)

    async def replies(
        self,
        me: UserId,
        name: str,
        seq: int,
        *,
        after: int = 0,
        epoch: str | None = None,
        limit: int,
    ) -> HistoryPage:
        """
        The replies to a message, oldest first, after the reply ``after``.

        Raises:
            MessageNotFound: If ``seq`` is not that of a message.
            Conflict: If it is a number of another history than this one.

        """
        room, now = await self._directory.find(name), self._now()
        current = self._epoch.name

        def work(connection: DbConnection) -> HistoryPage:
            _authorize(connection, room, me, now)
            check_epoch(epoch, current)
            _message(connection, room, seq)
            page = messages.replies(connection, room, seq, after=after, limit=limit)
            return HistoryPage(page, current)

        return await self._database.read(work)

    async def pinned(
        self,
        me: UserId,
        name: str,
        *,
        before: int | None = None,
        epoch: str | None = None,
        limit: int,
    ) -> HistoryPage:
        """
        Pinned messages, newest first, before the message ``before``.

        Raises:
            Conflict: If ``before`` is a number of another history than this one.

        """
        room, now = await self._directory.find(name), self._now()
        current = self._epoch.name

        def work(connection: DbConnection) -> HistoryPage:
            _authorize(connection, room, me, now)
            check_epoch(epoch, current)
            return HistoryPage(messages.pinned(connection, room, before, limit), current)

        return await self._database.read(work)

    async def edits(
        self, me: Identity, name: str, seq: int, *, after: int = 0, limit: int
    ) -> list[EarlierText]:
        """
        The texts that a message had before its edits, oldest first.

        Raises:
            MessageNotFound: If ``seq`` is not that of a message.
            Forbidden: If the caller is neither its author nor a moderator.

        """
        room, now = await self._directory.find(name), self._now()

        def work(connection: DbConnection) -> list[EarlierText]:
            access = _authorize(connection, room, me.user, now)
            message = _message(connection, room, seq)
            role = effective_role(access, is_admin=me.is_admin)
            if message.by != me.username and not may(role, Action.READ_EDITS):
                raise Forbidden(
                    "Only its author and moderators can read the earlier texts of a message."
                )
            return edit_history.wordings(connection, room, seq, after=after, limit=limit)

        return await self._database.read(work)

    # Events

    async def events(
        self,
        me: UserId,
        name: str,
        since: int,
        *,
        epoch: str | None = None,
        limit: int,
        upto: int | None = None,
    ) -> LogPage:
        """
        The events after ``since``, oldest first.

        Args:
            epoch: The history that ``since`` belongs to; None if the caller doesn't know.
            upto: The last event to return; None: the head.

        Raises:
            Gone: If some of them were removed.
            Conflict: If ``since`` is after the head, or of another history.

        """
        room, now = await self._directory.find(name), self._now()
        # A copy, since `work` runs in a database thread.
        current = self._epoch.name

        def work(connection: DbConnection) -> LogPage:
            access = _authorize(connection, room, me, now)
            head, first = access.head, access.first
            check_epoch(epoch, current)
            check_cursor(access, since)
            last = head if upto is None else min(upto, head)
            batch = event_store.batch_after(connection, room, since, upto=last, limit=limit)
            return LogPage(batch, since, head, first, current)

        return await self._database.read(work)


def check_epoch(epoch: str | None, current: str) -> None:
    """
    Check that a client's cursor belongs to this history, if the client says to which.

    Raises:
        Conflict: If it belongs to another one.

    """
    if epoch is not None and epoch != current:
        raise Conflict("The history was replaced: this cursor belongs to another epoch.")


def check_cursor(access: RoomAccess, since: int) -> None:
    """
    Check that a client that has every event up to ``since`` can continue from there.

    Raises:
        Gone: If the next event was removed.
        Conflict: If ``since`` is after the head.

    """
    if since > access.head:
        raise Conflict("The room's log has no event with this number: the history was replaced.")
    if since < access.first - 1:
        raise Gone


def _authorize(connection: DbConnection, room: RoomId, me: UserId, now: Millis) -> RoomAccess:
    key = (room, me)
    return authorize_read(room_access.load(connection, [key]).get(key), now)


def _message(connection: DbConnection, room: RoomId, seq: int) -> MessageView:
    found = messages.one(connection, room, seq)
    if found is None:
        raise MessageNotFound
    return found
