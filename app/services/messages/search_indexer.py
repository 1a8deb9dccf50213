"""
Keeping the search index of SQLite up with the log, a moment behind it.

Indexing many messages at once costs a third of indexing each with its commit, and nobody
who speaks waits for it. Whoever searches does.
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
    INDEX_BITES,
    INDEX_PATIENCE_SECONDS,
    INDEX_REST,
    INDEX_SECONDS,
    INDEX_SMALL_BATCH,
    MAX_UNINDEXED_RUNS,
)
from ...store import search_backlog
from ...store.database import Database
from ...store.search_backlog import Span
from ..log.writer_pacing import WriterPacing

log = logging.getLogger("parley.indexer")


class Indexer:
    """The task that indexes. Where other nodes write, the committer does it itself."""

    def __init__(
        self,
        database: Database,
        pacing: WriterPacing,
        *,
        delay_seconds: float = INDEX_SECONDS,
        patience_seconds: float = INDEX_PATIENCE_SECONDS,
        max_unindexed_batches: int = MAX_UNINDEXED_RUNS,
    ) -> None:
        self._database = database
        self._pacing = pacing
        self._delay_seconds = delay_seconds
        self._patience_seconds = patience_seconds
        self._max_unindexed_batches = max_unindexed_batches
        # What was committed and is not indexed, in that order.
        self._spans: deque[Span] = deque()
        # How many events that are.
        self._waiting = 0
        # Whether there may be more of it than that: so it is after a start.
        self._lost = True
        self._behind = asyncio.Event()
        self._behind.set()
        self._committed = asyncio.Event()
        self._turn = asyncio.Lock()

    def on_committed(self, batches: Sequence[EventBatch]) -> None:
        """These were committed. Never awaits, never raises."""
        if self._database.shared:
            return
        for batch in batches:
            self._remember(event_id(batch.room, batch.first), event_id(batch.room, batch.last))
        self._behind.set()
        self._committed.set()

    async def run(self) -> None:
        """Index for ever, with rests that leave the writer to those who speak."""
        if self._database.shared:
            return
        while True:
            await self._behind.wait()
            await asyncio.sleep(self._delay_seconds)
            self._behind.clear()
            try:
                await self._round()
            except Unavailable:
                log.warning("indexer.waits_for_database")
                self._behind.set()

    async def catch_up(self) -> None:
        """
        Index all that was committed before the call. Safe to cancel.

        Raises:
            Unavailable: If the database can't be written now.

        """
        if self._database.shared:
            return
        while await self._some(INDEX_BATCH):
            pass

    async def _round(self) -> None:
        """
        Index what waits now.

        What comes meanwhile is the next round's: a message would else be indexed as soon as it
        is there, with a commit of its own.
        """
        loop = asyncio.get_running_loop()
        async with self._turn:
            await self._know()
        still, bite = self._waiting, self._bite()
        while still > 0:
            if bite < INDEX_BATCH:
                await self._opportunity()
            began = loop.time()
            await self._some(min(bite, still))
            still -= bite
            await asyncio.sleep((loop.time() - began) * INDEX_REST)

    async def _opportunity(self) -> None:
        """Return when somebody has spoken and everybody heard it: then the next is not near."""
        self._committed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience_seconds):
                await self._committed.wait()
                await self._pacing.idle.wait()

    async def _some(self, bite: int) -> bool:
        """Index the next events, so many; whether others still wait."""
        async with self._turn:
            await self._know()
            taken = self._take(bite)
            if taken:
                try:
                    await self._database.write(partial(search_backlog.index, spans=taken))
                except BaseException:  # cancelled or failed: if it was done, that is found out
                    self._put_first(taken)
                    raise
            return bool(self._spans)

    async def _know(self) -> None:
        """Look up what is not indexed, if that is not known."""
        if not self._lost:
            return
        # Before: what is committed from here on is noticed.
        self._lost = False
        try:
            found = await self._database.read(search_backlog.find)
        except BaseException:  # cancelled or failed: the next one looks
            self._lost = True
            raise
        self._put_first(found)

    def _put_first(self, spans: Sequence[Span]) -> None:
        self._spans.extendleft(reversed(spans))
        self._waiting += sum(high + 1 - low for low, high in spans)

    def _remember(self, low: EventId, high: EventId) -> None:
        spans = self._spans
        self._waiting += high + 1 - low
        if spans and spans[-1][1] + 1 == low:
            spans[-1] = (spans[-1][0], high)
        elif len(spans) < self._max_unindexed_batches:
            spans.append((low, high))
        else:
            spans.clear()
            self._waiting = 0
            self._lost = True

    def _bite(self) -> int:
        """How many events to index next: few while few wait, so that nobody notices."""
        return max(INDEX_SMALL_BATCH, min(INDEX_BATCH, self._waiting // INDEX_BITES))

    def _take(self, bite: int) -> list[Span]:
        """The next spans, of so many events."""
        taken, still = [], bite
        while self._spans and still:
            low, high = self._spans.popleft()
            cut = min(high, low + still - 1)
            if cut < high:
                self._spans.appendleft((EventId(cut + 1), high))
            taken.append((low, EventId(cut)))
            still -= cut + 1 - low
        self._waiting -= bite - still
        return taken
