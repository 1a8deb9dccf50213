"""The task that gives events of older versions a checksum, while the server runs."""

import asyncio
import logging

from ...domain.errors import Unavailable
from ...domain.limits import CHECKSUM_BATCH, CHECKSUM_SECONDS, INDEX_PAUSE_FACTOR
from ...observability.logs import event
from ...store import checksum_backfill
from ...store.database import Database, DbConnection

log = logging.getLogger("parley.checksums")


class ChecksumBackfiller:
    """
    Seals what is in the log, once a check of the file has found nothing.

    Nothing is sealed that is known to be damaged: an altered event would pass for a true one.
    Used in the event loop.

    Args:
        batch: Events per transaction.
        delay_seconds: Until it is tried again, while the file is checked or is unavailable.

    """

    def __init__(
        self,
        database: Database,
        *,
        batch: int = CHECKSUM_BATCH,
        delay_seconds: float = CHECKSUM_SECONDS,
    ) -> None:
        self._database = database
        self._batch = batch
        self._delay_seconds = delay_seconds

    async def run(self) -> None:
        """Work with pauses, so that sends keep priority. Returns at the end; safe to cancel."""
        while True:
            try:
                if await self._database.read(checksum_backfill.is_complete):
                    return
                if not self._database.checking:
                    if self._database.fault != "damaged":
                        await self._work()
                    return
            except Unavailable:
                log.warning("checksums.wait_for_database")
            await asyncio.sleep(self._delay_seconds)

    async def _work(self) -> None:
        """Go on from where an earlier run stopped, until all are done or damage is found."""
        loop = asyncio.get_running_loop()

        def advance(connection: DbConnection) -> bool:
            return checksum_backfill.advance(connection, self._batch)

        began, has_begun = loop.time(), False
        while self._database.fault != "damaged" and not await self._database.write(advance):
            if not has_begun:
                event(log, logging.INFO, "checksums.adding")
            has_begun = True
            await asyncio.sleep((loop.time() - began) * INDEX_PAUSE_FACTOR)
            began = loop.time()
        if has_begun and self._database.fault != "damaged":
            event(log, logging.INFO, "checksums.added")
