"""The task that rebuilds what texts are found by, after an upgrade, while the server runs."""

import asyncio
import logging
from collections.abc import Callable

from ...domain.errors import Unavailable
from ...domain.limits import INDEX_BATCH, INDEX_PAUSE_FACTOR, INDEX_SECONDS
from ...observability.logs import event
from ...store import search_rebuild, user_words
from ...store.database import Database, DbConnection
from ...store.write_gate import waits_for_move

log = logging.getLogger("parley.indexer")


class SearchRebuilder:
    """
    Rebuilds the index of messages and the words of display names if they are of another version.

    Used in the event loop.
    """

    def __init__(self, database: Database, *, delay_seconds: float = INDEX_SECONDS) -> None:
        self._database = database
        self._delay_seconds = delay_seconds

    async def run(self) -> None:
        """Rebuild with pauses, so that sends keep priority. Returns at the end; safe to cancel."""
        while True:
            try:
                for what, part in (("users", user_words), ("messages", search_rebuild)):
                    if not await self._database.read(part.is_complete):
                        await self._rebuild(what, part.advance)
            except Unavailable as exc:
                if not waits_for_move(exc):
                    log.warning("indexer.waits_for_database")
                await asyncio.sleep(self._delay_seconds)
            else:
                return

    async def _rebuild(self, what: str, step: Callable[[DbConnection, int], bool]) -> None:
        """Rebuild from where an earlier one stopped."""
        loop = asyncio.get_running_loop()

        def advance(connection: DbConnection) -> bool:
            return step(connection, INDEX_BATCH)

        began, has_begun = loop.time(), False
        while not await self._database.write(advance):
            if not has_begun:
                event(log, logging.INFO, "search.rebuilding", what=what)
            has_begun = True
            await asyncio.sleep((loop.time() - began) * INDEX_PAUSE_FACTOR)
            began = loop.time()
        if has_begun:
            event(log, logging.INFO, "search.rebuilt", what=what)
