"""
Keeping the search index of PostgreSQL up to date, shortly behind the log.

Text is indexed outside of the transaction that appends it, and of the lock of its room. What waits
is in a table, so any node may index it, also what a node that is gone has left. A search waits
until the index has caught up. For SQLite see :mod:`.search_indexer`.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from ...domain.errors import Unavailable
from ...domain.events import EventBatch
from ...domain.limits import INDEX_SECONDS, SHARED_INDEX_BATCH, SHARED_INDEX_PAUSE_FACTOR
from ...store import search_pending
from ...store.database import Database
from ...store.write_gate import waits_for_move

log = logging.getLogger("parley.indexer")


class SharedSearchIndexer:
    """The task that indexes messages. Used in the event loop."""

    def __init__(self, database: Database, *, delay_seconds: float = INDEX_SECONDS) -> None:
        self._database = database
        self._delay_seconds = delay_seconds
        self._wake = asyncio.Event()
        # What was left by nodes that are gone.
        self._wake.set()

    def on_committed(self, batches: Sequence[EventBatch]) -> None:
        """Note that something was committed. Never awaits, never raises."""
        self._wake.set()

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
        Index everything that was committed before the call, on any node. Safe to cancel.

        Raises:
            Unavailable: If the database can't be written now.

        """
        if await self._database.read(search_pending.is_empty):
            return
        while await self._index_next(wait=True):
            pass

    async def index_backlog(self) -> None:
        """
        Index what waits, with pauses, unless another node does. Safe to cancel.

        Raises:
            Unavailable: If the database can't be written now.

        """
        time = asyncio.get_running_loop().time
        began = time()
        while await self._index_next(wait=False):
            await asyncio.sleep((time() - began) * SHARED_INDEX_PAUSE_FACTOR)
            began = time()

    async def _index_next(self, *, wait: bool) -> bool:
        work = partial(search_pending.index_next, events=SHARED_INDEX_BATCH, wait=wait)
        return await self._database.write(work)
