"""
Removing deleted words from the disk, shortly after they were deleted.

The rows of deleted messages are blanked in the transaction that deletes them, and SQLite
overwrites what they held. Two places keep the words for longer: the search index, and the
write-ahead log.
"""

import asyncio
import logging
from collections.abc import Sequence

from ...domain.errors import Unavailable
from ...domain.events import EventBatch, EventType
from ...domain.limits import (
    INDEX_PAUSE_FACTOR,
    PURGE_CLOSE_SECONDS,
    PURGE_PAUSE_FACTOR,
    PURGE_SECONDS,
)
from ...store import search_purge
from ...store.database import Database
from ...store.write_gate import waits_for_move
from ..log.seams import LogTrimmed

log = logging.getLogger("parley.purger")

_REMOVING = frozenset({EventType.MESSAGE_EDITED, EventType.MESSAGE_DELETED})


class Purger:
    """
    The task that purges. Used in the event loop.

    On PostgreSQL it does nothing: VACUUM does it there.
    """

    def __init__(self, database: Database, *, delay_seconds: float = PURGE_SECONDS) -> None:
        self._database = database
        self._delay_seconds = delay_seconds
        # How many removals there were, and how many are purged.
        self._removals = self._purged = 0
        # Set at the start: an earlier process may not have purged all.
        self._wake = asyncio.Event()
        self._wake.set()

    def on_committed(self, batches: Sequence[EventBatch]) -> None:
        """Note that words were removed. Never awaits, never raises."""
        if any(batch.has_any(_REMOVING) for batch in batches):
            self._note_removal()

    def on_log_trimmed(self, _: LogTrimmed) -> None:
        """Note that retention has removed messages."""
        self._note_removal()

    async def run(self) -> None:
        """Purge until cancelled, with pauses, so that sends keep priority."""
        if self._database.shared:
            return
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            await asyncio.sleep(self._delay_seconds)
            self._wake.clear()
            began = loop.time()
            try:
                if not await self.purge(INDEX_PAUSE_FACTOR):
                    self._wake.set()
            except Unavailable as exc:
                if not waits_for_move(exc):
                    log.warning("purger.waits_for_database")
                self._wake.set()
            await asyncio.sleep((loop.time() - began) * PURGE_PAUSE_FACTOR)

    async def purge(self, pause_factor: float = 0.0) -> bool:
        """
        Remove what was deleted before the call. Safe to cancel.

        Args:
            pause_factor: How many times its duration to wait after each step.

        Returns:
            False if a long read keeps the write-ahead log: try again later.

        Raises:
            Unavailable: If the database can't be written now.

        """
        loop, removals, step = asyncio.get_running_loop(), self._removals, search_purge.begin
        began, done = loop.time(), await self._database.write(step)
        while not done:
            await asyncio.sleep((loop.time() - began) * pause_factor)
            began, done = loop.time(), await self._database.write(search_purge.advance)
        if not await self._database.checkpoint():
            return False
        self._purged = removals
        return True

    async def close(self) -> None:
        """Purge what has not been, if it doesn't take long. The next start does the rest."""
        if self._database.shared or self._purged == self._removals:
            return
        try:
            async with asyncio.timeout(PURGE_CLOSE_SECONDS):
                await self.purge()
        except (TimeoutError, Unavailable):
            pass

    def _note_removal(self) -> None:
        self._removals += 1
        self._wake.set()
