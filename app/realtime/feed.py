"""
The rooms of this node that have subscribers, each with its :class:`RoomFeed`.

Events of other rooms are only announced as activity. A room without subscribers keeps its feed
for a while, so that a client that reconnects is replayed from memory.
"""

import asyncio
import logging
from collections.abc import Sequence

from ..domain.errors import Unavailable
from ..domain.events import EventBatch
from ..domain.ids import RoomId
from ..domain.limits import POLL_SECONDS, REPLAY_PAGE_EVENTS, ROOM_FEED_IDLE_SECONDS
from ..services.log.seams import LogTrimmed
from ..store import events as event_store
from ..store.database import Database, DbConnection
from .activity import ActivityNotifier
from .hub import Hub
from .replay_buffer import ReplayBuffers
from .room_feed import RoomFeed

log = logging.getLogger("parley.feed")


class Feed:
    """
    Passes what happens to a room on to its feed. Owned by the event loop.

    The ``on_…`` methods are called by the log's seams, the broker and the poller; they never
    await and never raise.
    """

    def __init__(
        self,
        database: Database,
        hub: Hub,
        activity: ActivityNotifier,
        replay_buffers: ReplayBuffers,
        *,
        idle_seconds: float = ROOM_FEED_IDLE_SECONDS,
        retry_seconds: float = POLL_SECONDS,
    ) -> None:
        self._database = database
        self._hub = hub
        self._activity_notifier = activity
        self._replay_buffers = replay_buffers
        self._idle_seconds = idle_seconds
        self._retry_seconds = retry_seconds
        self._room_feeds: dict[RoomId, RoomFeed] = {}
        self.gap_reads = 0
        """How often events that were missing between two batches were read from the log."""
        self.gap_events = 0
        """Events that were read so."""

    # Events and hints

    def on_committed(self, batches: Sequence[EventBatch]) -> None:
        """Deliver events that this node has committed."""
        for batch in batches:
            self._activity_notifier.on_events(batch)
            room_feed = self._room_feeds.get(batch.room)
            if room_feed is not None:
                room_feed.offer(batch)

    def on_head(self, room: RoomId, head: int) -> None:
        """Take the hint that the log reaches ``head``. It may be late, repeated or wrong."""
        room_feed = self._room_feeds.get(room)
        if room_feed is not None:
            room_feed.on_head(head)

    def on_log_trimmed(self, trimmed: LogTrimmed) -> None:
        """Forget events that retention has removed."""
        room_feed = self._room_feeds.get(trimmed.room)
        if room_feed is not None:
            room_feed.on_trimmed(trimmed.first)

    def on_names_changed(self, _: None) -> None:
        """Forget encoded events, which show users under their former names."""
        for room_feed in self._room_feeds.values():
            room_feed.on_names_changed()

    # The rooms

    def acquire(self, room: RoomId) -> RoomFeed:
        """Return the room's feed and keep it until :meth:`release`. It misses no event from now
        on."""
        room_feed = self._room_feeds.get(room)
        if room_feed is None:
            room_feed = self._room_feeds[room] = RoomFeed(
                room,
                hub=self._hub,
                replay_buffers=self._replay_buffers,
                read_log=self._read_log,
            )
        room_feed.users += 1
        if room_feed.expiry is not None:
            room_feed.expiry.cancel()
            room_feed.expiry = None
        return room_feed

    def release(self, room_feed: RoomFeed) -> None:
        """Give back an acquired feed. The last release starts the time until it expires."""
        room_feed.users -= 1
        if room_feed.users == 0:
            loop = asyncio.get_running_loop()
            room_feed.expiry = loop.call_later(self._idle_seconds, self._expire, room_feed)

    @property
    def rooms(self) -> int:
        """How many rooms have a feed."""
        return len(self._room_feeds)

    def room_ids(self) -> list[RoomId]:
        """The rooms that have a feed."""
        return list(self._room_feeds)

    async def close(self) -> None:
        """Drop every feed, and wait until none reads the log any more."""
        stopped = [room_feed.stop() for room_feed in self._room_feeds.values()]
        running = [task for task in stopped if task is not None]
        await asyncio.gather(*running, return_exceptions=True)
        self._room_feeds.clear()

    def _expire(self, room_feed: RoomFeed) -> None:
        if room_feed.users == 0:
            room_feed.stop()
            del self._room_feeds[room_feed.room]
            self._replay_buffers.drop(room_feed.room)

    async def _read_log(
        self, room: RoomId, after: int, upto: int
    ) -> tuple[EventBatch | None, int]:
        """See :data:`app.realtime.room_feed.ReadLog`."""

        def work(connection: DbConnection) -> tuple[EventBatch | None, int]:
            batch = event_store.batch_after(
                connection, room, after, upto=upto, limit=REPLAY_PAGE_EVENTS
            )
            return batch, event_store.first(connection, room)

        while True:
            try:
                batch, first = await self._database.read(work)
            except Unavailable:
                log.warning("feed.waits_for_database")
                await asyncio.sleep(self._retry_seconds)
            else:
                self.gap_reads += 1
                self.gap_events += 0 if batch is None else len(batch.events)
                return batch, first
