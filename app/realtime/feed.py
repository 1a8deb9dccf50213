"""
From the log to those who listen, strictly +1.

Runs of events come from the committer or because a doorbell rang, in any order; this is the
only caller of :meth:`app.realtime.hub.Hub.deliver`. What is missing between two runs is read
from the log, and later runs wait for it. Rooms that nobody listens to are left cold.
"""

import asyncio
import logging
from collections.abc import Sequence

from ..domain.close_codes import UNAVAILABLE
from ..domain.errors import Unavailable
from ..domain.events import EventBatch, EventType
from ..domain.ids import RoomId
from ..domain.limits import POLL_SECONDS, REPLAY_PAGE_EVENTS, ROOM_FEED_IDLE_SECONDS
from ..services.log.seams import LogTrimmed
from ..store import events as event_store
from ..store.database import Database, DbConnection
from ..wire.encoding import encode_batch
from .activity import ActivityNotifier
from .event_pages import EventPage
from .hub import Hub
from .replay_buffer import ReplayBuffer, ReplayBuffers

log = logging.getLogger("parley.feed")

_REWRITES = (EventType.MESSAGE_EDITED, EventType.MESSAGE_DELETED)


class RoomFeed:
    """A room that somebody on this node listens to."""

    __slots__ = (
        "expiry",
        "delivered",
        "fetching",
        "first",
        "newest",
        "pending",
        "rewrites",
        "room",
        "buffer",
        "users",
        "waiters",
        "wanted",
    )

    def __init__(self, room: RoomId) -> None:
        self.room = room
        # Last seq given to the hub; None until a snapshot has told where the room stands.
        self.delivered: int | None = None
        self.buffer: ReplayBuffer | None = None
        # What is older was removed; at least this far.
        self.first = 1
        # Runs that came too early, by their first seq.
        self.pending: dict[int, EventBatch] = {}
        # The log is known to reach this far.
        self.wanted = 0
        self.fetching: asyncio.Task[None] | None = None
        # Counts what changes events that were there before: edits and deletions, removing the
        # oldest, a name that is gone. A page of the log read before one is stale after it.
        self.rewrites = 0
        # The newest messages, by how many were asked for.
        self.newest: dict[int, EventPage] = {}
        self.waiters: list[tuple[int, asyncio.Future[None]]] = []
        # How many hold the room; at 0 it cools down.
        self.users = 0
        self.expiry: asyncio.TimerHandle | None = None


class Feed:
    """The warm rooms of a node."""

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

    # What happens

    def on_committed(self, batches: Sequence[EventBatch]) -> None:
        """Events of this node were committed. Never awaits."""
        for batch in batches:
            self._activity_notifier.notice(batch)
            room_feed = self._room_feeds.get(batch.room)
            if room_feed is not None:
                self._offer(room_feed, batch)

    def on_head(self, room: RoomId, head: int) -> None:
        """The log of ``room`` reaches at least to ``head``. May be late, repeated, or wrong."""
        room_feed = self._room_feeds.get(room)
        if room_feed is None:
            return
        room_feed.wanted = max(room_feed.wanted, head)
        if room_feed.delivered is not None and room_feed.delivered < room_feed.wanted:
            self._fetch(room_feed)

    def on_log_trimmed(self, trimmed: LogTrimmed) -> None:
        """Events of ``room`` before ``first`` have been removed. Never awaits."""
        room, first = trimmed
        room_feed = self._room_feeds.get(room)
        if room_feed is not None and first > room_feed.first:
            room_feed.first = first
            self._replay_buffers.forget_before(room, first)
            self._invalidate(room_feed)

    def on_names_changed(self, _: None) -> None:
        """Somebody is called otherwise: what is remembered names them as before."""
        for room_feed in self._room_feeds.values():
            self._invalidate(room_feed)
            # The log has them, with the names of now.
            room_feed.pending.clear()
            if room_feed.delivered is not None:
                room_feed.buffer = self._replay_buffers.open(room_feed.room, room_feed.delivered)
                self.on_head(room_feed.room, room_feed.wanted)

    # Holding a room warm

    def acquire(self, room: RoomId) -> RoomFeed:
        """Keep ``room`` warm until :meth:`release`. From now on no run is missed."""
        room_feed = self._room_feeds.get(room)
        if room_feed is None:
            room_feed = self._room_feeds[room] = RoomFeed(room)
        room_feed.users += 1
        if room_feed.expiry is not None:
            room_feed.expiry.cancel()
            room_feed.expiry = None
        return room_feed

    def release(self, room_feed: RoomFeed) -> None:
        """One who held the room is gone. The room stays warm for a while."""
        room_feed.users -= 1
        if room_feed.users == 0:
            loop = asyncio.get_running_loop()
            room_feed.expiry = loop.call_later(self._idle_seconds, self._expire, room_feed)

    def seed(self, room_feed: RoomFeed, head: int) -> None:
        """A snapshot shows the room at ``head``: a cold one starts from there."""
        if room_feed.delivered is None:
            room_feed.delivered = head
            room_feed.buffer = self._replay_buffers.open(room_feed.room, head)
            self._deliver_pending(room_feed)
        self.on_head(room_feed.room, head)

    async def reach(self, room_feed: RoomFeed, seq: int) -> None:
        """Wait until everything up to ``seq`` has been delivered. Safe to cancel."""
        if room_feed.delivered is not None and room_feed.delivered >= seq:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        room_feed.waiters.append((seq, future))
        try:
            await future
        finally:
            if future.cancelled():
                room_feed.waiters = [
                    waiter for waiter in room_feed.waiters if waiter[1] is not future
                ]

    def room_ids(self) -> list[RoomId]:
        """The rooms that are warm now."""
        return list(self._room_feeds)

    async def close(self) -> None:
        """Stop fetching."""
        running = []
        for room_feed in self._room_feeds.values():
            if room_feed.expiry is not None:
                room_feed.expiry.cancel()
            if room_feed.fetching is not None:
                room_feed.fetching.cancel()
                running.append(room_feed.fetching)
        await asyncio.gather(*running, return_exceptions=True)
        self._room_feeds.clear()

    # In order

    def _offer(self, room_feed: RoomFeed, batch: EventBatch) -> None:
        room_feed.wanted = max(room_feed.wanted, batch.last)
        if room_feed.delivered is None:
            room_feed.pending[batch.first] = batch
            return
        if batch.first == room_feed.delivered + 1:
            self._deliver(room_feed, batch)
            if room_feed.pending:
                self._deliver_pending(room_feed)
        elif batch.last > room_feed.delivered:
            room_feed.pending[batch.first] = batch
            self._deliver_pending(room_feed)
            if room_feed.delivered < room_feed.wanted:
                self._fetch(room_feed)

    def _deliver_pending(self, room_feed: RoomFeed) -> None:
        """Deliver what waited and can go now; forget what has been overtaken."""
        assert room_feed.delivered is not None
        for first in sorted(room_feed.pending):
            batch = room_feed.pending[first]
            if batch.first > room_feed.delivered + 1:
                return
            del room_feed.pending[first]
            if batch.last > room_feed.delivered:
                skip = room_feed.delivered + 1 - batch.first
                self._deliver(room_feed, batch._replace(events=batch.events[skip:]))

    def _deliver(self, room_feed: RoomFeed, batch: EventBatch) -> None:
        frames = encode_batch(batch)
        self._replay_buffers.append(batch.room, frames)
        if batch.first < room_feed.first:
            self._replay_buffers.forget_before(batch.room, room_feed.first)
        # After that: a run may delete what it says itself.
        for event in batch.events:
            if event.type in _REWRITES:
                self._replay_buffers.rewrite(batch.room, event)
                room_feed.rewrites += 1
        room_feed.delivered = batch.last
        self._hub.deliver(batch, frames)
        if room_feed.waiters:
            self._wake(room_feed, batch.last)

    def _invalidate(self, room_feed: RoomFeed) -> None:
        room_feed.rewrites += 1
        room_feed.newest.clear()

    def _wake(self, room_feed: RoomFeed, delivered: int) -> None:
        still = []
        for seq, future in room_feed.waiters:
            if seq > delivered:
                still.append((seq, future))
            elif not future.done():
                future.set_result(None)
        room_feed.waiters = still

    # Filling holes

    def _fetch(self, room_feed: RoomFeed) -> None:
        if room_feed.fetching is None:
            room_feed.fetching = asyncio.create_task(self._fill(room_feed))

    async def _fill(self, room_feed: RoomFeed) -> None:
        try:
            while room_feed.delivered is not None and room_feed.delivered < room_feed.wanted:
                after, upto = room_feed.delivered, room_feed.wanted
                if room_feed.pending:
                    upto = min(upto, max(min(room_feed.pending) - 1, after + 1))
                rewrites = room_feed.rewrites
                batch, first = await self._read(room_feed.room, after, upto)
                if rewrites != room_feed.rewrites:
                    continue
                if first > room_feed.delivered + 1:
                    self._skip(room_feed, first)
                    continue
                if batch is None:
                    # A doorbell for what never was: the log is the truth.
                    room_feed.wanted = room_feed.delivered
                    return
                self._offer(room_feed, batch)
        finally:
            room_feed.fetching = None

    def _skip(self, room_feed: RoomFeed, first: int) -> None:
        """What has not been delivered was removed: go on with the oldest that is kept."""
        log.warning("feed.skipped", extra={"room_id": room_feed.room, "first": first})
        # Among what is gone may be what ended somebody's access: everybody joins again.
        for subscription in list(self._hub.listeners(room_feed.room)):
            subscription.connection.close(UNAVAILABLE)
        room_feed.first, room_feed.delivered = first, first - 1
        room_feed.buffer = self._replay_buffers.open(room_feed.room, first - 1)
        self._invalidate(room_feed)
        self._wake(room_feed, first - 1)
        self._deliver_pending(room_feed)

    async def _read(self, room: RoomId, after: int, upto: int) -> tuple[EventBatch | None, int]:
        """Events after ``after``, and the oldest that is kept: one snapshot."""

        def work(connection: DbConnection) -> tuple[EventBatch | None, int]:
            batch = event_store.batch_after(
                connection, room, after, upto=upto, limit=REPLAY_PAGE_EVENTS
            )
            return batch, event_store.first(connection, room)

        while True:
            try:
                return await self._database.read(work)
            except Unavailable:
                log.warning("feed.waits_for_database")
                await asyncio.sleep(self._retry_seconds)

    def _expire(self, room_feed: RoomFeed) -> None:
        if room_feed.users == 0:
            if room_feed.fetching is not None:
                room_feed.fetching.cancel()
            del self._room_feeds[room_feed.room]
            self._replay_buffers.drop(room_feed.room)
