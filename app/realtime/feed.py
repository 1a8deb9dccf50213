"""
From the log to those who listen, strictly +1.

Runs of events come from the committer or because a doorbell rang, in any order; this is the
only caller of :meth:`app.realtime.hub.Hub.deliver`. What is missing between two runs is read
from the log, and later runs wait for it. Rooms that nobody listens to are left cold.
"""

import asyncio
import logging
from collections.abc import Sequence

from app.domain.closing import UNAVAILABLE
from app.domain.errors import Unavailable
from app.domain.events import EventBatch, EventType
from app.domain.ids import RoomId
from app.domain.limits import POLL_SECONDS, REPLAY_PAGE_EVENTS, ROOM_FEED_IDLE_SECONDS
from app.realtime.activity import ActivityNotifier
from app.realtime.event_pages import Page
from app.realtime.hub import Hub
from app.realtime.replay_buffer import ReplayBuffer, ReplayBuffers
from app.store import events as event_store
from app.store.database import Connection, Database
from app.wire.events import encode_batch

log = logging.getLogger("parley.feed")

_REWRITES = (EventType.MESSAGE_EDITED, EventType.MESSAGE_DELETED)


class RoomFeed:
    """A room that somebody on this node listens to."""

    __slots__ = (
        "cooling",
        "delivered",
        "fetching",
        "first",
        "newest",
        "parked",
        "rewrites",
        "room",
        "tail",
        "users",
        "waiters",
        "wanted",
    )

    def __init__(self, room: RoomId) -> None:
        self.room = room
        # Last seq given to the hub; None until a snapshot has told where the room stands.
        self.delivered: int | None = None
        self.tail: ReplayBuffer | None = None
        # What is older was removed; at least this far.
        self.first = 1
        # Runs that came too early, by their first seq.
        self.parked: dict[int, EventBatch] = {}
        # The log is known to reach this far.
        self.wanted = 0
        self.fetching: asyncio.Task[None] | None = None
        # Counts what changes events that were there before: edits and deletions, removing the
        # oldest, a name that is gone. A page of the log read before one is stale after it.
        self.rewrites = 0
        # The newest messages, by how many were asked for.
        self.newest: dict[int, Page] = {}
        self.waiters: list[tuple[int, asyncio.Future[None]]] = []
        # How many hold the room; at 0 it cools down.
        self.users = 0
        self.cooling: asyncio.TimerHandle | None = None


class Feed:
    """The warm rooms of a node."""

    def __init__(
        self,
        database: Database,
        hub: Hub,
        activity: ActivityNotifier,
        replay_buffers: ReplayBuffers,
    ) -> None:
        self._database = database
        self._hub = hub
        self._activity_notifier = activity
        self._replay_buffers = replay_buffers
        self._warm: dict[RoomId, RoomFeed] = {}

    # What happens

    def publish(self, runs: Sequence[EventBatch]) -> None:
        """Events of this node were committed. Never awaits."""
        for run in runs:
            self._activity_notifier.notice(run)
            warm = self._warm.get(run.room)
            if warm is not None:
                self._offer(warm, run)

    def rung(self, room: RoomId, head: int) -> None:
        """The log of ``room`` reaches at least to ``head``. May be late, repeated, or wrong."""
        warm = self._warm.get(room)
        if warm is None:
            return
        warm.wanted = max(warm.wanted, head)
        if warm.delivered is not None and warm.delivered < warm.wanted:
            self._fetch(warm)

    def kept_from(self, room: RoomId, first: int) -> None:
        """Events of ``room`` before ``first`` have been removed. Never awaits."""
        warm = self._warm.get(room)
        if warm is not None and first > warm.first:
            warm.first = first
            self._replay_buffers.forget_before(room, first)
            self._outdate(warm)

    def names_changed(self) -> None:
        """Somebody is called otherwise: what is remembered names them as before."""
        for warm in self._warm.values():
            self._outdate(warm)
            # The log has them, with the names of now.
            warm.parked.clear()
            if warm.delivered is not None:
                warm.tail = self._replay_buffers.open(warm.room, warm.delivered)
                self.rung(warm.room, warm.wanted)

    # Holding a room warm

    def hold(self, room: RoomId) -> RoomFeed:
        """Keep ``room`` warm until :meth:`release`. From now on no run is missed."""
        warm = self._warm.get(room)
        if warm is None:
            warm = self._warm[room] = RoomFeed(room)
        warm.users += 1
        if warm.cooling is not None:
            warm.cooling.cancel()
            warm.cooling = None
        return warm

    def release(self, warm: RoomFeed) -> None:
        """One who held the room is gone. The room stays warm for a while."""
        warm.users -= 1
        if warm.users == 0:
            loop = asyncio.get_running_loop()
            warm.cooling = loop.call_later(ROOM_FEED_IDLE_SECONDS, self._cool, warm)

    def stands_at(self, warm: RoomFeed, head: int) -> None:
        """A snapshot shows the room at ``head``: a cold one starts from there."""
        if warm.delivered is None:
            warm.delivered = head
            warm.tail = self._replay_buffers.open(warm.room, head)
            self._unpark(warm)
        self.rung(warm.room, head)

    async def reach(self, warm: RoomFeed, seq: int) -> None:
        """Wait until everything up to ``seq`` has been delivered. Safe to cancel."""
        if warm.delivered is not None and warm.delivered >= seq:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        warm.waiters.append((seq, future))
        try:
            await future
        finally:
            if future.cancelled():
                warm.waiters = [waiter for waiter in warm.waiters if waiter[1] is not future]

    def warm_rooms(self) -> list[RoomId]:
        """The rooms that are warm now."""
        return list(self._warm)

    async def close(self) -> None:
        """Stop fetching."""
        running = []
        for warm in self._warm.values():
            if warm.cooling is not None:
                warm.cooling.cancel()
            if warm.fetching is not None:
                warm.fetching.cancel()
                running.append(warm.fetching)
        await asyncio.gather(*running, return_exceptions=True)
        self._warm.clear()

    # In order

    def _offer(self, warm: RoomFeed, run: EventBatch) -> None:
        warm.wanted = max(warm.wanted, run.last)
        if warm.delivered is None:
            warm.parked[run.first] = run
            return
        if run.first == warm.delivered + 1:
            self._deliver(warm, run)
            if warm.parked:
                self._unpark(warm)
        elif run.last > warm.delivered:
            warm.parked[run.first] = run
            self._unpark(warm)
            if warm.delivered < warm.wanted:
                self._fetch(warm)

    def _unpark(self, warm: RoomFeed) -> None:
        """Deliver what waited and can go now; forget what has been overtaken."""
        assert warm.delivered is not None
        for first in sorted(warm.parked):
            run = warm.parked[first]
            if run.first > warm.delivered + 1:
                return
            del warm.parked[first]
            if run.last > warm.delivered:
                skip = warm.delivered + 1 - run.first
                self._deliver(warm, run._replace(events=run.events[skip:]))

    def _deliver(self, warm: RoomFeed, run: EventBatch) -> None:
        frames = encode_batch(run)
        self._replay_buffers.append(run.room, frames)
        if run.first < warm.first:
            self._replay_buffers.forget_before(run.room, warm.first)
        # After that: a run may delete what it says itself.
        for event in run.events:
            if event.type in _REWRITES:
                self._replay_buffers.rewrite(run.room, event)
                warm.rewrites += 1
        warm.delivered = run.last
        self._hub.deliver(run, frames)
        if warm.waiters:
            self._wake(warm, run.last)

    def _outdate(self, warm: RoomFeed) -> None:
        warm.rewrites += 1
        warm.newest.clear()

    def _wake(self, warm: RoomFeed, delivered: int) -> None:
        still = []
        for seq, future in warm.waiters:
            if seq > delivered:
                still.append((seq, future))
            elif not future.done():
                future.set_result(None)
        warm.waiters = still

    # Filling holes

    def _fetch(self, warm: RoomFeed) -> None:
        if warm.fetching is None:
            warm.fetching = asyncio.create_task(self._fill(warm))

    async def _fill(self, warm: RoomFeed) -> None:
        try:
            while warm.delivered is not None and warm.delivered < warm.wanted:
                after, upto = warm.delivered, warm.wanted
                if warm.parked:
                    upto = min(upto, max(min(warm.parked) - 1, after + 1))
                rewrites = warm.rewrites
                run, first = await self._read(warm.room, after, upto)
                if rewrites != warm.rewrites:
                    continue
                if first > warm.delivered + 1:
                    self._skip(warm, first)
                    continue
                if run is None:
                    # A doorbell for what never was: the log is the truth.
                    warm.wanted = warm.delivered
                    return
                self._offer(warm, run)
        finally:
            warm.fetching = None

    def _skip(self, warm: RoomFeed, first: int) -> None:
        """What has not been delivered was removed: go on with the oldest that is kept."""
        log.warning("feed.skipped", extra={"room_id": warm.room, "first": first})
        # Among what is gone may be what ended somebody's access: everybody joins again.
        for subscription in list(self._hub.listeners(warm.room)):
            subscription.connection.close(UNAVAILABLE)
        warm.first, warm.delivered = first, first - 1
        warm.tail = self._replay_buffers.open(warm.room, first - 1)
        self._outdate(warm)
        self._wake(warm, first - 1)
        self._unpark(warm)

    async def _read(self, room: RoomId, after: int, upto: int) -> tuple[EventBatch | None, int]:
        """Events after ``after``, and the oldest that is kept: one snapshot."""

        def work(connection: Connection) -> tuple[EventBatch | None, int]:
            run = event_store.batch_after(
                connection, room, after, upto=upto, limit=REPLAY_PAGE_EVENTS
            )
            return run, event_store.first(connection, room)

        while True:
            try:
                return await self._database.read(work)
            except Unavailable:
                log.warning("feed.waits_for_database")
                await asyncio.sleep(POLL_SECONDS)

    def _cool(self, warm: RoomFeed) -> None:
        if warm.users == 0:
            if warm.fetching is not None:
                warm.fetching.cancel()
            del self._warm[warm.room]
            self._replay_buffers.drop(warm.room)
