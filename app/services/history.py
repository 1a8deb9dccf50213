"""Reading what was said and what happened: pages, each with its ``head`` of one snapshot."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from app.domain.authority import reader, standing_role
from app.domain.errors import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    MessageNotFound,
    ParleyError,
    RoomNotFound,
)
from app.domain.events import Run
from app.domain.ids import Millis, RoomId, UserId
from app.domain.roles import Action, may
from app.domain.views import MessageView, Page, Standing, Wording
from app.services.directory import Directory
from app.services.identities import Identity
from app.services.together import Gathering, Together
from app.store import events as event_store
from app.store import messages, rooms
from app.store.database import Connection, Database


class LogPage(NamedTuple):
    """Consecutive events, and where the room stands: one snapshot. ``run`` None: no events."""

    run: Run | None
    since: int
    head: int
    first: int
    epoch: str

    @property
    def last(self) -> int:
        """The cursor after this page."""
        return self.since if self.run is None else self.run.last

    @property
    def has_more(self) -> bool:
        """Whether the log goes on after it."""
        return self.last < self.head


class PageKey(NamedTuple):
    """Which messages are asked for: before, after or around a ``seq``, or the newest."""

    room: RoomId
    before: int | None
    after: int | None
    around: int | None
    limit: int


_Asked = tuple[UserId, PageKey]


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
        directory: Directory,
        epoch: Callable[[], str],
        now: Callable[[], Millis],
    ) -> None:
        self._database = database
        self._directory = directory
        self._epoch = epoch
        self._now = now
        # Not together with log-ins, which must not wait for pages.
        self._pages: Together[_Asked, Page | ParleyError] = Together(
            Gathering(database), self._load_pages
        )

    # Messages

    async def messages(
        self,
        me: UserId,
        name: str,
        *,
        before: int | None = None,
        after: int | None = None,
        around: int | None = None,
        limit: int,
    ) -> Page:
        """
        The messages before, after or around a ``seq``; the newest, if none is given.

        Those who ask for the same page at the same moment share it.

        Raises:
            Invalid: If more than one is given.

        """
        if sum(seq is not None for seq in (before, after, around)) > 1:
            raise Invalid.field("before", "only one of before, after and around can be given")
        room = await self._directory.find(name)
        found = await self._pages.get((me, PageKey(room, before, after, around, limit)))
        if not isinstance(found, Page):
            raise found or RoomNotFound()
        return found

    async def message(self, me: UserId, name: str, seq: int) -> MessageView:
        """
        One message.

        Raises:
            MessageNotFound: If the number is not that of a message.

        """
        room = await self._directory.find(name)

        def work(connection: Connection) -> MessageView:
            self._reader(connection, room, me)
            return _message(connection, room, seq)

        return await self._database.read(work)

    async def replies(
        self, me: UserId, name: str, seq: int, *, after: int = 0, limit: int
    ) -> Page:
        """
        The replies to a message, oldest first.

        Raises:
            MessageNotFound: If the number is not that of a message.

        """
        room = await self._directory.find(name)

        def work(connection: Connection) -> Page:
            self._reader(connection, room, me)
            _message(connection, room, seq)
            return messages.replies(connection, room, seq, after=after, limit=limit)

        return await self._database.read(work)

    async def pinned(
        self, me: UserId, name: str, *, before: int | None = None, limit: int
    ) -> Page:
        """Pinned messages, the newest first."""
        room = await self._directory.find(name)

        def work(connection: Connection) -> Page:
            self._reader(connection, room, me)
            return messages.pinned(connection, room, before, limit)

        return await self._database.read(work)

    async def wordings(
        self, me: Identity, name: str, seq: int, *, after: int = 0, limit: int
    ) -> list[Wording]:
        """
        What a message said before it was edited, oldest first.

        Raises:
            MessageNotFound: If the number is not that of a message.
            Forbidden: If one is neither its author nor a moderator.

        """
        room = await self._directory.find(name)

        def work(connection: Connection) -> list[Wording]:
            standing = self._reader(connection, room, me.user)
            message = _message(connection, room, seq)
            role = standing_role(standing, is_admin=me.is_admin)
            if message.by != me.username and not may(role, Action.READ_EDITS):
                raise Forbidden("Only its author and moderators can read earlier wordings.")
            return messages.wordings(connection, room, seq, after=after, limit=limit)

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
        epoch = self._epoch()

        def work(connection: Connection) -> LogPage:
            standing = self._reader(connection, room, me)
            head, first = standing.head, standing.first
            check_cursor(standing, since)
            last = head if upto is None else min(upto, head)
            run = event_store.run_after(connection, room, since, upto=last, limit=limit)
            return LogPage(run, since, head, first, epoch)

        return await self._database.read(work)

    def _load_pages(
        self, connection: Connection, asked: Sequence[_Asked]
    ) -> dict[_Asked, Page | ParleyError]:
        standings = rooms.standings(connection, {(key.room, me, 0) for me, key in asked})
        pages: dict[PageKey, Page] = {}
        answers: dict[_Asked, Page | ParleyError] = {}
        for me, key in asked:
            try:
                reader(standings.get((key.room, me, 0)), self._now())
            except ParleyError as exc:
                answers[me, key] = exc.with_traceback(None)
                continue
            if key not in pages:
                pages[key] = _page(connection, key)
            answers[me, key] = pages[key]
        return answers

    def _reader(self, connection: Connection, room: RoomId, me: UserId) -> Standing:
        key = (room, me, 0)
        return reader(rooms.standings(connection, [key]).get(key), self._now())


def _page(connection: Connection, key: PageKey) -> Page:
    if key.after is not None:
        return messages.after(connection, key.room, key.after, key.limit)
    if key.around is not None:
        return messages.around(connection, key.room, key.around, key.limit)
    return messages.before(connection, key.room, key.before, key.limit)


def check_cursor(standing: Standing, since: int) -> None:
    """
    Whether a client that holds everything up to ``since`` can carry on from there.

    Raises:
        Gone: If what comes next is no longer kept.
        Conflict: If there is no such event yet.

    """
    if since > standing.head:
        raise Conflict("The log does not reach that far: this history is another one.")
    if since < standing.first - 1:
        raise Gone


def _message(connection: Connection, room: RoomId, seq: int) -> MessageView:
    found = messages.one(connection, room, seq)
    if found is None:
        raise MessageNotFound
    return found
