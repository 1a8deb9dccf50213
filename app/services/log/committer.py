"""
Group commit: the only code that writes events.

Appends that are queued on this node form a batch, in order of arrival: one transaction, one
synchronous function, a fixed number of statements. A lone append is written at once; under load,
the appends that arrive during one commit form the next batch. Results are delivered after COMMIT,
never before.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic

from ...domain.appends import Append, Committed
from ...domain.errors import Unavailable
from ...domain.events import EventBatch
from ...domain.ids import RoomId
from ...domain.limits import (
    FAILED_COMMITS_UNTIL_NOT_READY,
    GATHER_SHARE,
    MAX_BATCH_APPENDS,
    MAX_BATCH_ROOMS,
    MAX_GATHER_SECONDS,
    MAX_QUEUED_APPENDS,
)
from ...domain.server_limits import LOCKED_ROOM_SECONDS
from ...observability.histogram import Histogram
from ...store.database import Database
from .batch_transaction import AppendResult, CommitResult
from .batch_writer import BatchWriter
from .locked_rooms import LockedRooms, Queued
from .read_receipt_buffer import ReadReceiptBuffer
from .seams import Seam
from .writer_pacing import WriterPacing

log = logging.getLogger("parley.committer")


class Committer:
    """
    The queue of appends, and the task that commits them. One per node.

    Everything here is called in the event loop; :func:`~.commit.commit` runs in a database thread.
    Appends of one node are decided in the order of :meth:`submit`. What has been committed is
    passed to the senders first and then to ``on_committed``, in the same turn of the loop.

    Args:
        on_committed: Announces each transaction's events. If a listener fails, that is logged;
            senders still get their results, and the next batch is written.
        receipts: Read receipts, written together with the appends.
        pacing: Paused while a batch is being decided in the database thread.

    """

    def __init__(
        self,
        database: Database,
        *,
        on_committed: Seam[Sequence[EventBatch]],
        receipts: ReadReceiptBuffer,
        pacing: WriterPacing,
        max_batch_appends: int = MAX_BATCH_APPENDS,
        max_batch_rooms: int = MAX_BATCH_ROOMS,
        max_queued_appends: int = MAX_QUEUED_APPENDS,
        locked_room_seconds: float = LOCKED_ROOM_SECONDS,
    ) -> None:
        self._database = database
        self._on_committed = on_committed
        self._receipts = receipts
        self._max_batch_appends = max_batch_appends
        self._max_batch_rooms = max_batch_rooms
        self._max_queued_appends = max_queued_appends
        self._queue: deque[Queued] = deque()
        self._writer = BatchWriter(database, receipts=receipts, pacing=pacing)
        self._locked_rooms = LockedRooms(
            self._writer.write_aside,
            self._deliver,
            max_appends=max_batch_appends,
            seconds=locked_room_seconds,
        )
        self._wake = asyncio.Event()
        self._closing = False
        # When the queue began to fill.
        self._waiting_since = 0.0
        # The last batch: how long its write took and when its results were delivered.
        self._last_seconds = 0.0
        self._last_delivered = 0.0
        # Size of the next batch if every sender of the last one sends again at once.
        self._expected = 0
        receipts.set_wake(self._wake.set)
        self.committed_events = 0
        """Events that this node has committed."""
        self.finished = asyncio.Event()
        """Set at the end of :meth:`run`: every append that was accepted has its result."""

    @property
    def ready(self) -> bool:
        """Whether the last commits succeeded: False after several failures in a row."""
        return self.failures_in_a_row < FAILED_COMMITS_UNTIL_NOT_READY

    @property
    def failures_in_a_row(self) -> int:
        """How many commits failed since the last one that succeeded."""
        return self._writer.failures

    @property
    def locked_rooms(self) -> int:
        """How many rooms have appends that wait because they are locked elsewhere."""
        return len(self._locked_rooms)

    @property
    def queued(self) -> int:
        """How many appends wait for their commit; those in the running commit don't count."""
        return len(self._queue) + self._locked_rooms.appends

    @property
    def failed_commits(self) -> int:
        """How many commits have failed since the start."""
        return self._writer.failed

    @property
    def commit_seconds(self) -> Histogram:
        """How long commits took."""
        return self._writer.seconds

    @property
    def commit_appends(self) -> Histogram:
        """How many appends each commit had."""
        return self._writer.appends

    def submit(self, append: Append, on_result: Callable[[AppendResult], None]) -> None:
        """
        Queue ``append``; ``on_result`` is called once, in the event loop, after the commit.

        Never awaits: appends reach the log in the order of these calls.

        Args:
            append: Read by a database thread from here on; don't change it.
            on_result: Must not raise. An :class:`Unavailable` result leaves open whether the
                append was committed; a retry with the same client id tells.

        Raises:
            Unavailable: If the queue is full or the server is stopping; ``on_result`` is not
                called.

        """
        waiting = len(self._queue) + self._locked_rooms.appends
        if self._closing or waiting >= self._max_queued_appends:
            raise Unavailable
        if not self._queue:
            self._waiting_since = monotonic()
        self._queue.append((append, on_result))
        if not self._wake.is_set():
            # The batch starts in the next turn of the loop, in which a slice of the fan-out may
            # already be scheduled.
            self._writer.pause_fanout()
            self._wake.set()

    async def append(self, append: Append) -> Committed:
        """
        Append, and wait until it is on disk.

        Safe to cancel: the append is committed all the same, and its result is dropped. A retry
        with the same client id returns it.

        Raises:
            ParleyError: Why it was refused.

        """
        future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()

        def on_result(outcome: AppendResult) -> None:
            if future.done():
                return
            if isinstance(outcome, Committed):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)

        self.submit(append, on_result)
        return await future

    async def run(self) -> None:
        """Commit batches until :meth:`close`, and then those that are still queued."""
        while True:
            if not self._queue and not self._receipts.due:
                if self._closing:
                    await self._locked_rooms.empty()
                    self.finished.set()
                    return
                self._wake.clear()
                await self._wake.wait()
                idle = asyncio.get_running_loop().time() - self._last_delivered
                if idle > self._max_gap_seconds:
                    self._expected = 0
                continue
            await self._gather()
            since = self._waiting_since if self._queue else None
            await self._commit(self._take_batch(), since)

    def close(self) -> None:
        """Accept no more appends. :meth:`run` returns when the queue is empty."""
        self._closing = True
        self._receipts.flush()
        self._wake.set()

    @property
    def _max_gap_seconds(self) -> float:
        """How long :meth:`_gather` waits between two appends."""
        return min(self._last_seconds * GATHER_SHARE, MAX_GATHER_SECONDS)

    async def _gather(self) -> None:
        """
        Give the senders of the last batch time to join this one.

        Senders that send again at each result would otherwise split into two groups with
        alternating batches, at twice the number of commits. A lone sender doesn't wait, since no
        other append is expected; neither does the first append after a pause.
        """
        queue, expected, max_gap = self._queue, self._expected, self._max_gap_seconds
        time = asyncio.get_running_loop().time
        began = grew = time()
        while 0 < (size := len(queue)) < expected:
            # A turn of the loop reads the sockets, which has to happen in any case.
            await asyncio.sleep(0)
            now = time()
            if len(queue) > size:
                grew = now
            elif now - grew > max_gap or now - began > self._last_seconds:
                return

    def _take_batch(self) -> list[Queued]:
        queue = self._queue
        if len(queue) <= self._max_batch_appends and not self._database.shared:
            batch = list(queue)
            queue.clear()
            return batch
        batch = []
        rooms: set[RoomId] = set()
        while queue and len(batch) < self._max_batch_appends:
            if queue[0][0].room in self._locked_rooms:
                # Behind those that wait there.
                self._locked_rooms.add(queue.popleft())
                continue
            rooms.add(queue[0][0].room)
            if len(rooms) > self._max_batch_rooms:
                break
            batch.append(queue.popleft())
        return batch

    async def _commit(self, batch: list[Queued], since: float | None) -> None:
        appends = [append for append, _ in batch]
        marks = self._receipts.take()
        now = asyncio.get_running_loop().time
        began = now()
        result = await self._writer.write(appends, marks, since=since)
        self._last_seconds = now() - began
        self._deliver(batch, result)
        self._expected = min(len(self._queue) + len(batch), self._max_batch_appends)
        self._last_delivered = now()

    def _deliver(self, batch: Sequence[Queued], result: CommitResult) -> None:
        # In one turn, so that a connection writes its replies together with the events they are
        # about, and behind them.
        for (append, on_result), outcome in zip(batch, result.outcomes, strict=True):
            if append.room in result.locked:
                self._locked_rooms.add((append, on_result))
            else:
                on_result(outcome)
        try:
            if result.event_batches:
                self.committed_events += sum(len(b.events) for b in result.event_batches)
                self._on_committed.announce(result.event_batches)
        except Exception:  # the commit stands: senders have their results, later batches go on
            log.exception("committer.not_published")
