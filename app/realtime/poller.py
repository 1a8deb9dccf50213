"""
Polls the database every second for what a lost notification would hide.

Ids of revocations are assigned before they are committed, so a lower id can become visible
after a higher one. Each poll therefore looks a little further back; what it finds again is
skipped.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from ..domain.errors import Unavailable
from ..domain.limits import POLL_SECONDS, REVOCATIONS_LOOK_BACK, REVOCATIONS_PER_POLL
from ..services.log.epoch import Epoch
from ..services.log.seams import LogTrimmed
from ..store import polling
from ..store.database import Database, DbConnection, T, Work
from ..store.polling import Bounds, Revocation
from .feed import Feed

log = logging.getLogger("parley.poller")


class Poller:
    """
    The polling task. Needed only where other nodes may write. Used in the event loop.

    Args:
        on_revocation: Called for each revocation; may be called again for the same one. Must
            not raise.

    """

    def __init__(
        self,
        database: Database,
        feed: Feed,
        epoch: Epoch,
        on_revocation: Callable[[Revocation], None],
        *,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._poll_seconds = poll_seconds
        self._database = database
        self._feed = feed
        self._epoch = epoch
        self._on_revocation = on_revocation
        self._wake = asyncio.Event()
        self._seen: dict[int, None] = {}
        self._newest = 0

    async def run(self) -> None:
        """Poll until cancelled."""
        self._newest = await self._retry_until_available(polling.newest_revocation)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._wake.wait()
            self._wake.clear()
            await self.poll()

    def poll_soon(self) -> None:
        """Poll without waiting for the next time: notifications were lost."""
        self._wake.set()

    async def poll(self) -> None:
        """
        Poll once: the logs of rooms with a feed, new revocations, and the epoch.

        Safe to cancel.
        """
        known = self._epoch.name
        rooms = self._feed.room_ids()
        after = max(0, self._newest - REVOCATIONS_LOOK_BACK)

        def work(
            connection: DbConnection,
        ) -> tuple[Sequence[Bounds], list[Revocation], str | None]:
            logs = polling.bounds(connection, rooms) if rooms else ()
            return logs, *polling.revocations_and_epoch(connection, after, REVOCATIONS_PER_POLL)

        logs, revocations, epoch = await self._retry_until_available(work)
        # If this node has changed it meanwhile, what was read may be the one before.
        if self._epoch.name == known:
            self._epoch.name = epoch or known
        for room, head, first in logs:
            self._feed.on_log_trimmed(LogTrimmed(room, first))
            self._feed.on_head(room, head)
        for revocation in revocations:
            if revocation.id not in self._seen:
                self._on_revocation(revocation)
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
