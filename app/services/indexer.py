"""
Keeping the search index of SQLite up with the log, a moment behind it.

Indexing many messages at once costs a third of indexing each with its commit, and nobody
who speaks waits for it. Whoever searches does.
"""

import asyncio
import logging
from functools import partial

from app.domain.errors import Unavailable
from app.domain.limits import INDEX_BATCH, INDEX_REST, INDEX_SECONDS
from app.store import search
from app.store.database import Database

log = logging.getLogger("parley.indexer")


class Indexer:
    """The task that indexes. Where other nodes write, the committer does it itself."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._behind = asyncio.Event()
        # After a crash, the last messages may not be indexed.
        self._behind.set()
        self._turn = asyncio.Lock()

    def notice(self) -> None:
        """Something was committed. Never awaits."""
        self._behind.set()

    async def run(self) -> None:
        """Index for ever, with rests that leave the writer to those who speak."""
        if self._database.shared:
            return
        loop = asyncio.get_running_loop()
        while True:
            await self._behind.wait()
            await asyncio.sleep(INDEX_SECONDS)
            self._behind.clear()
            try:
                began = loop.time()
                while await self._some() == INDEX_BATCH:
                    await asyncio.sleep((loop.time() - began) * INDEX_REST)
                    began = loop.time()
            except Unavailable:
                log.warning("indexer.waits_for_database")
                self._behind.set()

    async def catch_up(self) -> None:
        """
        Index all that was committed before the call.

        Raises:
            Unavailable: If the database can't be written now.

        """
        if self._database.shared:
            return
        while await self._some() == INDEX_BATCH:
            pass

    async def _some(self) -> int:
        async with self._turn:
            return await self._database.write(partial(search.catch_up, limit=INDEX_BATCH))
