"""
One room's events, from the log to its subscribers: strictly the next ``seq``.

Batches come from the committer and from the log, in any order, late or twice. A batch that
comes too early waits until the gap before it has been read from the log.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ..domain.close_codes import UNAVAILABLE
from ..domain.events import EventBatch, EventType
from ..domain.ids import RoomId
from ..wire.event_encoding import encode_batch
from .event_pages import EventPage
from .hub import Hub
from .replay_buffer import ReplayBuffer, ReplayBuffers

log = logging.getLogger("parley.feed")

_REWRITES = frozenset({EventType.MESSAGE_EDITED, EventType.MESSAGE_DELETED})

ReadLog = Callable[[RoomId, int, int], Awaitable[tuple[EventBatch | None, int]]]
"""Reads the events of a room after a seq, up to another (None if there are none), and the seq
of the oldest event that is kept: both of one snapshot. Retries until it succeeds."""


class RoomFeed:
    """
    The delivery of one room, on this node.

    The only caller of :meth:`app.realtime.hub.Hub.deliver`. Owned by the event loop; only
    :meth:`reach` awaits. :class:`app.realtime.feed.Feed` creates, counts and expires it.
    """

    __slots__ = (
        "_fetching",
        "_hub",
        "_known_head",
        "_read_log",
        "_replay_buffers",
        "_stopped",
        "buffer",
        "delivered",
        "expiry",
        "first",
        "newest_pages",
        "pending",
        "revision",
        "room",
        "users",
        "waiters",
    )

    def __init__(
        self, room: RoomId, *, hub: Hub, replay_buffers: ReplayBuffers, read_log: ReadLog
    ) -> None:
        self.room = room
        self._hub = hub
        self._replay_buffers = replay_buffers
        self._read_log = read_log
        self.delivered: int | None = None
        """Seq of the last event given to the hub; None until :meth:`seed`."""
        self.buffer: ReplayBuffer | None = None
        """The recent events, as replays send them; None until :meth:`seed`."""
        self.revision = 0
        """Changes whenever events that were there before change: edits, deletions, retention,
        names. A page of the log that was read at an earlier revision is stale."""
        self.first = 1
        """Seq of the oldest event that is kept; a lower bound."""
        self.pending: dict[int, EventBatch] = {}
        """Batches that came too early, by their first seq."""
        self.newest_pages: dict[int, EventPage] = {}
        """Pages of the newest messages, by the ``limit`` asked for."""
        self.users = 0
        """How many have acquired this feed. Kept by the ``Feed``, like ``expiry``."""
        self.expiry: asyncio.TimerHandle | None = None
        # The log is known to reach this far.
        self._known_head = 0
        self._fetching: asyncio.Task[None] | None = None
        self._stopped = False
        self.waiters: list[tuple[int, asyncio.Future[None]]] = []
        """What :meth:`reach` waits for, with the seq."""

    def seed(self, head: int) -> None:
        """Start after ``head``, which a snapshot has shown; later calls only raise the head."""
        if self.delivered is None:
            self.delivered = head
            self.buffer = self._replay_buffers.open(self.room, head)
            self._deliver_pending()
        self.on_head(head)

    def offer(self, batch: EventBatch) -> None:
        """Deliver a batch, or keep it until the gap before it is filled."""
        self._known_head = max(self._known_head, batch.last)
        if self.delivered is None:
            self.pending[batch.first] = batch
            return
        if batch.first == self.delivered + 1:
            self._deliver(batch)
            if self.pending:
                self._deliver_pending()
        elif batch.last > self.delivered:
            self.pending[batch.first] = batch
            self._deliver_pending()
            if self.delivered < self._known_head:
                self._fetch()

    def on_head(self, head: int) -> None:
        """Read what is missing up to ``head``. A head that is too high is corrected."""
        self._known_head = max(self._known_head, head)
        if self.delivered is not None and self.delivered < self._known_head:
            self._fetch()

    def on_trimmed(self, first: int) -> None:
        """Forget the events before ``first``, which retention has removed."""
        if first > self.first:
            self.first = first
            self._replay_buffers.forget_before(self.room, first)
            self._invalidate()

    def on_names_changed(self) -> None:
        """Forget every encoded event: the log has them with the names of now."""
        self._invalidate()
        self.pending.clear()
        if self.delivered is not None:
            self.buffer = self._replay_buffers.open(self.room, self.delivered)
            self.on_head(self._known_head)

    async def reach(self, seq: int) -> None:
        """Wait until everything up to ``seq`` has been delivered. Safe to cancel."""
        if self.delivered is not None and self.delivered >= seq:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiters.append((seq, future))
        try:
            await future
        finally:
            if future.cancelled():
                self.waiters = [waiter for waiter in self.waiters if waiter[1] is not future]

    def stop(self) -> asyncio.Task[None] | None:
        """Read the log no more; return the task that was cancelled for it, if one was running."""
        self._stopped = True
        if self.expiry is not None:
            self.expiry.cancel()
        if self._fetching is not None:
            self._fetching.cancel()
        return self._fetching

    # In order

    def _deliver_pending(self) -> None:
        """Deliver the batches that are next now, and drop those that have been overtaken."""
        assert self.delivered is not None
        for first in sorted(self.pending):
            batch = self.pending[first]
            if batch.first > self.delivered + 1:
                return
            del self.pending[first]
            if batch.last > self.delivered:
                skip = self.delivered + 1 - batch.first
                self._deliver(batch._replace(events=batch.events[skip:]))

    def _deliver(self, batch: EventBatch) -> None:
        frames = encode_batch(batch)
        self._replay_buffers.append(batch.room, frames)
        if batch.first < self.first:
            self._replay_buffers.forget_before(batch.room, self.first)
        # After the append: a batch may delete a message of its own.
        if batch.has_any(_REWRITES):
            for event in batch.events:
                if event.type in _REWRITES:
                    self._replay_buffers.rewrite(batch.room, event)
                    self.revision += 1
        self.delivered = batch.last
        self._hub.deliver(batch, frames)
        if self.waiters:
            self._wake(batch.last)

    def _invalidate(self) -> None:
        self.revision += 1
        self.newest_pages.clear()

    def _wake(self, delivered: int) -> None:
        waiting = []
        for seq, future in self.waiters:
            if seq > delivered:
                waiting.append((seq, future))
            elif not future.done():
                future.set_result(None)
        self.waiters = waiting

    # Gaps

    def _fetch(self) -> None:
        if self._fetching is None and not self._stopped:
            self._fetching = asyncio.create_task(self._fill())

    async def _fill(self) -> None:
        """Read the log until it has been delivered up to the known head."""
        try:
            while self.delivered is not None and self.delivered < self._known_head:
                after, upto = self.delivered, self._known_head
                if self.pending:
                    upto = min(upto, max(min(self.pending) - 1, after + 1))
                revision = self.revision
                batch, first = await self._read_log(self.room, after, upto)
                if revision != self.revision:
                    continue
                if first > self.delivered + 1:
                    self._skip_to(first)
                    continue
                if batch is None:
                    # The head was a hint, and the log doesn't reach it.
                    self._known_head = self.delivered
                    return
                self.offer(batch)
        finally:
            self._fetching = None

    def _skip_to(self, first: int) -> None:
        """Go on with the oldest event that is kept: retention removed the ones before it."""
        log.warning("feed.skipped", extra={"room_id": self.room, "first": first})
        # The removed events may have ended a subscriber's access: every client has to rejoin.
        for subscription in list(self._hub.subscriptions(self.room)):
            subscription.connection.close(UNAVAILABLE)
        self.first, self.delivered = first, first - 1
        self.buffer = self._replay_buffers.open(self.room, first - 1)
        self._invalidate()
        self._wake(first - 1)
        self._deliver_pending()
