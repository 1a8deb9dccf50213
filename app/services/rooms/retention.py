"""
Removing what rooms need not keep any longer, in transactions so short that nobody waits.

``first`` of a room moves up in the transaction that removes what was before it, so that a page,
a replay and a search see all of an event or nothing.
"""

import asyncio
import logging
from collections.abc import Callable

from ...domain.errors import Unavailable
from ...domain.ids import Millis, RoomId
from ...domain.limits import RETENTION_BATCH_EVENTS, RETENTION_SECONDS
from ...observability.logs import event
from ...store import retention
from ...store.database import Database
from ..log.seams import LogTrimmed, Seam

log = logging.getLogger("parley.retention")


class Retention:
    """
    The task that removes. Any number of nodes may run it.

    Args:
        on_log_trimmed: Announces, after each commit, which event of a room is the oldest now.

    """

    def __init__(
        self,
        database: Database,
        *,
        now: Callable[[], Millis],
        on_log_trimmed: Seam[LogTrimmed],
        batch_events: int = RETENTION_BATCH_EVENTS,
        sweep_seconds: float = RETENTION_SECONDS,
    ) -> None:
        self._database = database
        self._now = now
        self._on_log_trimmed = on_log_trimmed
        self._batch_events = batch_events
        self._sweep_seconds = sweep_seconds
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """A room is to keep something else than before: look at once."""
        self._woken.set()

    async def run(self) -> None:
        """Sweep for ever: at the start, now and then, and when woken."""
        while True:
            try:
                await self.sweep()
            except Unavailable:
                log.warning("retention.waits_for_database")
            try:
                async with asyncio.timeout(self._sweep_seconds):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()

    async def finish(self) -> None:
        """Sweep if woken: for those who don't stay."""
        if self._woken.is_set():
            self._woken.clear()
            await self.sweep()

    async def sweep(self) -> None:
        """
        Remove from every room what it need not keep.

        Safe to cancel: what is left is removed the next time.

        Raises:
            Unavailable: If the database can't be used now.

        """
        now = self._now()
        for room in await self._database.read(lambda c: retention.due(c, now)):
            await self._sweep(room, now)

    async def _sweep(self, room: RoomId, now: Millis) -> None:
        reached = None
        while True:
            first = await self._database.write(
                lambda c: retention.remove_oldest(c, room, now, self._batch_events)
            )
            if first is None:
                break
            reached = first
            self._on_log_trimmed.announce(LogTrimmed(room, first))
        if reached is not None:
            event(log, logging.INFO, "retention.removed", room_id=room, first=reached)
