"""Finding what was said, in the rooms that one may read."""

from collections.abc import Callable
from typing import NamedTuple

from ...domain import names
from ...domain.authorization import authorize_read
from ...domain.errors import Invalid, RoomNotFound
from ...domain.ids import EventId, Millis, UserId, event_id
from ...domain.limits import MAX_QUERY_TERMS
from ...domain.snippets import snippet
from ...domain.views import MessageView
from ...domain.words import phrases
from ...store import messages, room_access, search, users
from ...store.database import Database, DbConnection
from ...store.search import Scope
from ..rooms.room_directory import RoomDirectory
from .search_indexer import Indexer


class Hit(NamedTuple):
    """A message that was found."""

    room: str
    message: MessageView
    snippet: str


class Search:
    """Searches messages. What one may not read is not looked at."""

    def __init__(
        self,
        database: Database,
        *,
        directory: RoomDirectory,
        indexer: Indexer,
        now: Callable[[], Millis],
    ) -> None:
        self._database = database
        self._indexer = indexer
        self._directory = directory
        self._now = now

    async def find(
        self,
        me: UserId,
        query: str,
        *,
        room: str | None = None,
        by: str | None = None,
        before: tuple[str, int] | None = None,
        limit: int,
    ) -> list[Hit]:
        """
        The newest messages that hold every word of ``query``.

        Args:
            room: Only in this one.
            by: Only those of this user.
            before: Only what is older than this message: its room and ``seq``.

        Raises:
            Invalid: If the query is blank, or of too many words.
            RoomNotFound: If there is no such room, or it is not for them to know.
            Banned: From that room.
            UserNotFound: If there is no such user.
            Unavailable: If the database can't be read now.

        """
        if not query.strip():
            raise Invalid.field("q", "is empty")
        wanted = phrases(query)
        if len(wanted) > MAX_QUERY_TERMS:
            raise Invalid.field("q", f"takes {MAX_QUERY_TERMS} words")
        where = None if room is None else await self._directory.find(room)
        author = None if by is None else names.username(by)
        start = None if before is None else await self._start(*before)

        def work(connection: DbConnection) -> list[Hit]:
            now = self._now()
            of = None if author is None else users.known(connection, author).id
            if where is None:
                scope = search.readable_rooms(connection, me, of, now)
            else:
                key = (where, me)
                authorize_read(room_access.load(connection, [key]).get(key), now)
                scope = Scope(rooms=[where], public=False, excluded=[], by=of)
            if not wanted:
                return []
            found = search.find(connection, wanted, scope, before=start, limit=limit)
            shown = messages.by_ids(connection, found)
            named = search.room_names(connection, found)
            return [
                Hit(named[event], shown[event], snippet(shown[event].text or "", wanted))
                for event in found
                if event in shown
            ]

        await self._indexer.catch_up()
        return await self._database.read(work)

    async def _start(self, room: str, seq: int) -> EventId:
        try:
            return event_id(await self._directory.find(room), seq)
        except RoomNotFound:
            raise Invalid.field("before", "is not a cursor of this list") from None
