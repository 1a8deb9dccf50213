"""
What this node would miss if a doorbell were lost: asked of the database every second.

Ids of revocations are given out before they are committed, so that a lower one can become
visible after a higher one: each poll looks a little further back, and what it finds again
does no harm.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from ..domain.errors import Unavailable
from ..domain.limits import POLL_SECONDS, REVOCATIONS_LOOK_BACK, REVOCATIONS_PER_POLL
from ..services.log.seams import LogTrimmed
from ..store import polling
from ..store.database import Database, DbConnection, T, Work
from ..store.polling import Bounds, Revocation
from .feed import Feed

log = logging.getLogger("parley.poller")


class Poller:
    """
    The task that asks. Only where other nodes may write.

    Args:
        ended: Called for each log-in that may have ended; may be called again for the same.

    """

    def __init__(
        self,
        database: Database,
        feed: Feed,
        ended: Callable[[Revocation], None],
        *,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._poll_seconds = poll_seconds
        self._database = database
        self._feed = feed
        self._ended = ended
        self._seen: dict[int, None] = {}
        self._newest = 0

    async def run(self) -> None:
        """Ask for ever."""
        self._newest = await self._retry_until_available(polling.newest_revocation)
        while True:
            await asyncio.sleep(self._poll_seconds)
            await self.poll()

    async def poll(self) -> None:
        """Ask once."""
        rooms = self._feed.room_ids()
        after = max(0, self._newest - REVOCATIONS_LOOK_BACK)

        def work(connection: DbConnection) -> tuple[Sequence[Bounds], list[Revocation]]:
            logs = polling.bounds(connection, rooms) if rooms else ()
            return logs, polling.revocations(connection, after, REVOCATIONS_PER_POLL)

        logs, revocations = await self._retry_until_available(work)
        for room, head, first in logs:
            self._feed.on_log_trimmed(LogTrimmed(room, first))
            self._feed.on_head(room, head)
        for revocation in revocations:
            if revocation.id not in self._seen:
                self._ended(revocation)
        self._seen = {revocation.id: None for revocation in revocations}
        if revocations:
            self._newest = max(self._newest, revocations[-1].id)

    async def _retry_until_available(self, work: Work[T]) -> T:
        while True:
            try:
                return await self._database.read(work)
            except Unavailable:
                log.warning("poller.waits_for_database")
                await asyncio.sleep(self._poll_seconds)
