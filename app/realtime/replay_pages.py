"""
Pages of the log for replays, each read and encoded once for all that need it.

Recent events come from the room's replay buffer. Older ones are read from the database, a
bounded number of pages at a time, and put into the buffer if they fit.
"""

from ..domain.connection_limits import REPLAY_CHUNK_BYTES
from ..domain.errors import Gone, Unavailable
from ..domain.limits import (
    MAX_DISK_REPLAYS,
    MAX_REMEMBERED_PAGES,
    MAX_STALE_READS,
    REPLAY_PAGE_EVENTS,
)
from ..store import events as event_store
from ..store import messages as message_store
from ..store.database import Database, T, Work
from ..wire.event_encoding import encode_batch, one_line
from ..wire.messages import message_event
from ..wire.websocket_frame import text_frame
from .event_pages import EventPage
from .replay_buffer import ReplayBuffers
from .room_feed import RoomFeed
from .single_flight import SingleFlight


class ReplayPages:
    """
    Reads pages of events and of messages. Used in the event loop.

    A room feed must be acquired and seeded while its pages are read. All methods are safe to
    cancel.
    """

    def __init__(self, database: Database, replay_buffers: ReplayBuffers) -> None:
        self._database = database
        self._replay_buffers = replay_buffers
        self._reads: SingleFlight[EventPage] = SingleFlight(MAX_DISK_REPLAYS)
        self.from_memory = 0
        """Pages that a replay buffer had, or that were kept."""
        self.from_database = 0
        """Pages that were read from the log; those that several clients shared count once."""

    async def after(self, room_feed: RoomFeed, seq: int, upto: int) -> EventPage:
        """
        The events after ``seq``, at least one, none beyond ``upto``.

        Raises:
            Gone: If retention has removed the next event.
            Unavailable: If the log can't be read now.

        """
        buffer = room_feed.buffer
        if buffer is not None:
            found = buffer.after(seq, upto, REPLAY_CHUNK_BYTES)
            if found is not None:
                frames, last = found
                self.from_memory += 1
                return EventPage((frames,), (last,), last, room_feed.revision)
            if seq + 1 < buffer.first:
                upto = min(upto, buffer.first - 1)
        return await self._reads.do(
            (room_feed.room, seq, upto), lambda: self._read(room_feed, seq, upto)
        )

    async def newest(self, room_feed: RoomFeed, room: str, limit: int, upto: int) -> EventPage:
        """
        The newest ``limit`` messages up to ``upto``, as they are now.

        Raises:
            Unavailable: If the log can't be read now.

        """
        kept = room_feed.newest_pages.get(limit)
        # Valid as long as nothing has been delivered since.
        if kept is not None and kept.last == upto == room_feed.delivered:
            self.from_memory += 1
            return kept
        key = (room_feed.room, "newest", limit, upto)
        return await self._reads.do(key, lambda: self._read_newest(room_feed, room, limit, upto))

    async def _read(self, room_feed: RoomFeed, seq: int, upto: int) -> EventPage:
        batch, revision = await self._read_fresh(
            room_feed,
            lambda c: event_store.batch_after(
                c, room_feed.room, seq, upto=upto, limit=REPLAY_PAGE_EVENTS
            ),
        )
        if batch is None or batch.first > seq + 1:
            raise Gone
        frames = encode_batch(batch)
        buffer = room_feed.buffer
        if buffer is not None and batch.last + 1 == buffer.first:
            self._replay_buffers.prepend(room_feed.room, buffer, batch.first, frames)
        return EventPage(frames, range(batch.first, batch.last + 1), batch.last, revision)

    async def _read_newest(
        self, room_feed: RoomFeed, room: str, limit: int, upto: int
    ) -> EventPage:
        found, revision = await self._read_fresh(
            room_feed, lambda c: message_store.before(c, room_feed.room, upto + 1, limit)
        )
        frames = [text_frame(one_line(message_event(m, room))) for m in found.messages]
        page = EventPage(frames, [message.seq for message in found.messages], upto, revision)
        if len(room_feed.newest_pages) >= MAX_REMEMBERED_PAGES:
            room_feed.newest_pages.clear()
        room_feed.newest_pages[limit] = page
        return page

    async def _read_fresh(self, room_feed: RoomFeed, work: Work[T]) -> tuple[T, int]:
        """Read until the room's revision stays the same meanwhile; return it with the result."""
        self.from_database += 1
        for _ in range(MAX_STALE_READS):
            revision = room_feed.revision
            found = await self._database.read(work)
            if revision == room_feed.revision:
                return found, revision
        # The client is asked to retry, so that it doesn't occupy one of the turns meanwhile.
        raise Unavailable
