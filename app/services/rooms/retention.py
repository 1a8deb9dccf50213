"""
Removing events that rooms don't keep any longer, in short transactions that don't delay sends.

A transaction that removes events also advances the room's ``first``, so that pages, replays and
searches see either all of an event or nothing of it. Pinned messages stay, unless the room is set
to keep none: see :mod:`app.store.retention`.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from ...domain.errors import Unavailable
from ...domain.events import EventBatch, EventType
from ...domain.ids import Millis, RoomId
from ...domain.limits import RETENTION_BATCH_EVENTS, RETENTION_SECONDS
from ...observability.logs import event
from ...store import retention
from ...store.database import Database
from ...store.write_gate import waits_for_move
from ..log.seams import LogTrimmed, Seam

log = logging.getLogger("parley.retention")

_UNPINNED = frozenset({EventType.MESSAGE_UNPINNED})


class Retention:
    """
    The task that removes old events. Used in the event loop; several nodes may run one each.

    Args:
        on_log_trimmed: Announces, after each commit, the oldest event that a room still has.

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
        """Sweep at once, because a room's retention has changed."""
        self._woken.set()

    def on_committed(self, batches: Sequence[EventBatch]) -> None:
        """Sweep if a message was unpinned: it may have been kept for nothing but its pin."""
        if any(batch.has_any(_UNPINNED) for batch in batches):
            self.wake()

    async def run(self) -> None:
        """Sweep at the start, periodically and when woken, until cancelled."""
        while True:
            try:
                await self.sweep()
            except Unavailable as exc:
                if not waits_for_move(exc):
                    log.warning("retention.waits_for_database")
            try:
                async with asyncio.timeout(self._sweep_seconds):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()

    async def sweep_if_woken(self) -> None:
        """Sweep if :meth:`wake` was called: for a process that doesn't :meth:`run` the task."""
        if self._woken.is_set():
            self._woken.clear()
            await self.sweep()

    async def sweep(self) -> None:
        """
        Remove from every room the events that it doesn't keep.

        Safe to cancel: the next sweep removes the rest.

        Raises:
            Unavailable: If the database can't be used now.

        """
        now = self._now()
        for room in await self._database.read(lambda c: retention.due(c, now)):
            await self._sweep(room, now)

    async def _sweep(self, room: RoomId, now: Millis) -> None:
        last_first, batch_events = None, self._batch_events
        while True:
            first = await self._database.write(
                lambda c: retention.remove_oldest(c, room, now, batch_events)
            )
            if first is None:
                break
            last_first = first
            self._on_log_trimmed.announce(LogTrimmed(room, first))
        if last_first is not None:
            kept = await self._database.read(lambda c: retention.kept_pinned(c, room))
            facts = {"first": last_first, "kept_pinned": kept}
            event(log, logging.INFO, "retention.removed", room_id=room, **facts)
