"""Searching messages in the rooms that the caller may read."""

from collections.abc import Callable
from typing import NamedTuple

from ...domain import names
from ...domain.authorization import authorize_read
from ...domain.errors import Invalid, ParleyError
from ...domain.ids import Millis, RoomId, UserId, event_id
from ...domain.limits import MAX_QUERY_TERMS
from ...domain.snippets import snippet
from ...domain.views import MessageView
from ...domain.words import phrases
from ...store import messages, room_access, search, users
from ...store.database import Database, DbConnection
from ...store.search_index import Scope
from ..rooms.room_directory import RoomDirectory
from .search_indexer import SearchIndexer
from .shared_search_indexer import SharedSearchIndexer


class Hit(NamedTuple):
    """A message that was found."""

    room: str
    message: MessageView
    snippet: str


class Search:
    """Searches messages. Used in the event loop."""

    def __init__(
        self,
        database: Database,
        *,
        directory: RoomDirectory,
        indexer: SearchIndexer | SharedSearchIndexer,
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
        The newest messages that contain every word of ``query``, from rooms the caller may read.

        Messages that were committed before the call are found.

        Args:
            room: Search only this room.
            by: Search only messages of this user.
            before: Search only messages older than this one, given by its room and ``seq``.

        Raises:
            Invalid: If the query is blank or has too many words, or ``before`` is no such message.
            RoomNotFound: If there is no such room, or the caller may not see it.
            Banned: If the room is public and the caller is banned.
            UserNotFound: If there is no such user.
            Unavailable: If the database can't be read now.

        """
        if not query.strip():
            raise Invalid.field("q", "is empty")
        wanted = phrases(query)
        if len(wanted) > MAX_QUERY_TERMS:
            raise Invalid.field("q", f"has more than {MAX_QUERY_TERMS} words")
        room_id = None if room is None else await self._directory.find(room)
        author = None if by is None else names.username(by)
        last_room = None if before is None else await self._directory.find(before[0])

        def work(connection: DbConnection) -> list[Hit]:
            before_event = None
            if last_room is not None and before is not None:
                _require_own_cursor(connection, last_room, me, now)
                before_event = event_id(last_room, before[1])
            of = None if author is None else users.known(connection, author).id
            if room_id is None:
                scope = search.readable_rooms(connection, me, of, now)
            else:
                key = (room_id, me)
                authorize_read(room_access.load(connection, [key]).get(key), now)
                scope = Scope(rooms=[room_id], public=False, excluded=[], by=of)
            if not wanted:
                return []
            found = search.find(connection, wanted, scope, before=before_event, limit=limit)
            views = messages.by_ids(connection, found)
            room_names = search.room_names(connection, found)
            return [
                Hit(room_names[event], views[event], snippet(views[event].text or "", wanted))
                for event in found
                if event in views
            ]

        await self._indexer.catch_up()
        now = self._now()
        return await self._database.read(work)


def _require_own_cursor(connection: DbConnection, room: RoomId, me: UserId, now: Millis) -> None:
    """A page that the caller has seen ends in a room that they may read."""
    try:
        authorize_read(room_access.load(connection, [(room, me)]).get((room, me)), now)
    except ParleyError:
        raise Invalid.field("before", "is not a cursor of this list") from None
