"""
Keeping the search index of SQLite up to date, shortly behind the log.

For PostgreSQL see :mod:`.shared_search_indexer`.

Indexing many messages at once costs a third of indexing each with its commit, and doesn't delay
sends. A search waits until the index has caught up.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from ...domain.errors import Unavailable
from ...domain.events import EventBatch
from ...domain.ids import EventId, event_id
from ...domain.limits import (
    INDEX_BATCH,
    INDEX_BATCHES,
    INDEX_IDLE_WAIT_SECONDS,
    INDEX_PAUSE_FACTOR,
    INDEX_SECONDS,
    INDEX_SMALL_BATCH,
    MAX_UNINDEXED_RANGES,
)
from ...store import search_backlog
from ...store.database import Database
from ...store.search_index import Span
from ...store.write_gate import waits_for_move
from ..log.writer_pacing import WriterPacing

log = logging.getLogger("parley.indexer")


class SearchIndexer:
    """
    The task that indexes messages. Used in the event loop.

    Args:
        pacing: Tells when no fan-out is running.

    """

    def __init__(
        self,
        database: Database,
        pacing: WriterPacing,
        *,
        delay_seconds: float = INDEX_SECONDS,
        idle_wait_seconds: float = INDEX_IDLE_WAIT_SECONDS,
        max_unindexed_ranges: int = MAX_UNINDEXED_RANGES,
    ) -> None:
        self._database = database
        self._pacing = pacing
        self._delay_seconds = delay_seconds
        self._idle_wait_seconds = idle_wait_seconds
        self._max_unindexed_ranges = max_unindexed_ranges
        # Ranges of events that are committed and not indexed, in order of commit.
        self._spans: deque[Span] = deque()
        # How many events these are.
        self._backlog = 0
        # Whether there may be others, which have to be read from the database: so at the start.
        self._incomplete = True
        self._wake = asyncio.Event()
        self._wake.set()
        self._committed = asyncio.Event()
        # Held by the one call that changes `_spans` and writes.
        self._lock = asyncio.Lock()

    def on_committed(self, batches: Sequence[EventBatch]) -> None:
        """Note that ``batches`` were committed. Never awaits, never raises."""
        for batch in batches:
            self._add(event_id(batch.room, batch.first), event_id(batch.room, batch.last))
        self._wake.set()
        self._committed.set()

    async def run(self) -> None:
        """Index until cancelled, with pauses, so that sends keep priority."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(self._delay_seconds)
            self._wake.clear()
            try:
                await self.index_backlog()
            except Unavailable as exc:
                if not waits_for_move(exc):
                    log.warning("indexer.waits_for_database")
                self._wake.set()

    async def catch_up(self) -> None:
        """
        Index everything that was committed before the call. Safe to cancel.

        Raises:
            Unavailable: If the database can't be written now.

        """
        while await self._index_next(INDEX_BATCH):
            pass

    async def index_backlog(self) -> None:
        """
        Index what is in the backlog now, with pauses. Safe to cancel.

        Messages that are committed meanwhile wait for the next call: otherwise each would be
        indexed at once, with a commit of its own.

        Raises:
            Unavailable: If the database can't be written now.

        """
        loop = asyncio.get_running_loop()
        async with self._lock:
            await self._complete_backlog()
        remaining, size = self._backlog, self._batch_size()
        while remaining > 0:
            if size < INDEX_BATCH:
                await self._wait_for_idle_moment()
            began = loop.time()
            await self._index_next(min(size, remaining))
            remaining -= size
            await asyncio.sleep((loop.time() - began) * INDEX_PAUSE_FACTOR)

    async def _wait_for_idle_moment(self) -> None:
        """Return when a fan-out has just finished: the next message is unlikely to be near."""
        self._committed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._idle_wait_seconds):
                await self._committed.wait()
                await self._pacing.idle.wait()

    async def _index_next(self, count: int) -> bool:
        """Index the next ``count`` events; return whether there are more."""
        async with self._lock:
            await self._complete_backlog()
            taken = self._take(count)
            if taken:
                try:
                    await self._database.write(partial(search_backlog.index, spans=taken))
                except BaseException:  # if it did commit, indexing these again changes nothing
                    self._put_back(taken)
                    raise
            return bool(self._spans)

    async def _complete_backlog(self) -> None:
        """Read from the database what is not indexed, if the backlog is incomplete."""
        if not self._incomplete:
            return
        # Before the read: it may be set again by commits during the read.
        self._incomplete = False
        try:
            found = await self._database.read(search_backlog.find)
        except BaseException:  # cancelled or failed: the next call reads
            self._incomplete = True
            raise
        self._put_back(found)

    def _put_back(self, spans: Sequence[Span]) -> None:
        self._spans.extendleft(reversed(spans))
        self._backlog += sum(high + 1 - low for low, high in spans)

    def _add(self, low: EventId, high: EventId) -> None:
        spans = self._spans
        self._backlog += high + 1 - low
        if spans and spans[-1][1] + 1 == low:
            spans[-1] = (spans[-1][0], high)
        elif len(spans) < self._max_unindexed_ranges:
            spans.append((low, high))
        else:
            spans.clear()
            self._backlog = 0
            self._incomplete = True

    def _batch_size(self) -> int:
        """How many events to index at once: few while the backlog is short, to delay no send."""
        return max(INDEX_SMALL_BATCH, min(INDEX_BATCH, self._backlog // INDEX_BATCHES))

    def _take(self, count: int) -> list[Span]:
        """Remove the next ``count`` events from the backlog."""
        taken, remaining = [], count
        while self._spans and remaining:
            low, high = self._spans.popleft()
            last = min(high, low + remaining - 1)
            if last < high:
                self._spans.appendleft((EventId(last + 1), high))
            taken.append((low, EventId(last)))
            remaining -= last + 1 - low
        self._backlog -= count - remaining
        return taken
