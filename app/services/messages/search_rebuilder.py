"""The task that rebuilds the search index after an upgrade, while the server runs."""

import asyncio
import logging
from functools import partial

from ...domain.errors import Unavailable
from ...domain.limits import INDEX_BATCH, INDEX_PAUSE_FACTOR, INDEX_SECONDS
from ...observability.logs import event
from ...store import search_rebuild
from ...store.database import Database

log = logging.getLogger("parley.indexer")


class SearchRebuilder:
    """Rebuilds the index if its words are of another version. Used in the event loop."""

    def __init__(self, database: Database, *, delay_seconds: float = INDEX_SECONDS) -> None:
        self._database = database
        self._delay_seconds = delay_seconds

    async def run(self) -> None:
        """Rebuild with pauses, so that sends keep priority. Returns at the end; safe to cancel."""
        while True:
            try:
                if not await self._database.read(search_rebuild.is_complete):
                    await self.rebuild()
            except Unavailable:
                log.warning("indexer.waits_for_database")
                await asyncio.sleep(self._delay_seconds)
            else:
                return

    async def rebuild(self) -> None:
        """
        Rebuild from where an earlier one stopped. Safe to cancel.

        Raises:
            Unavailable: If the database can't be written now.

        """
        loop = asyncio.get_running_loop()
        advance = partial(search_rebuild.advance, limit=INDEX_BATCH)
        began, has_begun = loop.time(), False
        while not await self._database.write(advance):
            if not has_begun:
                event(log, logging.INFO, "search.rebuilding")
            has_begun = True
            await asyncio.sleep((loop.time() - began) * INDEX_PAUSE_FACTOR)
            began = loop.time()
        if has_begun:
            event(log, logging.INFO, "search.rebuilt")
