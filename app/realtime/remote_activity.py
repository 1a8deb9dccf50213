"""
What other nodes have committed in rooms that connections of this node have not joined.

A notification says that a log has grown, and these events are read for ``added``, ``removed`` and
``activity``: at once if members have changed, and else at most once per room and interval.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from ..broker.base import LogAdvanced
from ..domain.errors import Unavailable
from ..domain.events import EventBatch
from ..domain.ids import RoomId
from ..domain.limits import ACTIVITY_SECONDS, MAX_REMOTE_EVENTS
from ..store import events as event_store
from ..store import polling
from ..store.database import Database, DbConnection
from .activity import ActivityNotifier


class RemoteActivity:
    """
    Reads the events of other nodes for those who are not in the room.

    Owned by the event loop. What it announces may be lost, as notifications may.
    """

    def __init__(
        self,
        database: Database,
        activity: ActivityNotifier,
        *,
        interval_seconds: float = ACTIVITY_SECONDS,
    ) -> None:
        self._database = database
        self._activity = activity
        self._interval_seconds = interval_seconds
        self._pending: dict[RoomId, LogAdvanced] = {}
        # Rooms whose events were read less than an interval ago.
        self._intervals: dict[RoomId, asyncio.TimerHandle] = {}
        self._reading: asyncio.Task[None] | None = None

    def on_advanced(self, advanced: LogAdvanced) -> None:
        """Take the notification of another node. Never awaits, never raises."""
        room = advanced.room
        if advanced.first is None:
            return
        if not advanced.changes_members and not self._activity.is_watched(room):
            return
        merged = self._pending[room] = advanced.merged_with(self._pending.get(room, advanced))
        if merged.changes_members or room not in self._intervals:
            self._read_soon()

    async def close(self) -> None:
        """Stop the timers, and wait until nothing is read any more."""
        for timer in self._intervals.values():
            timer.cancel()
        self._intervals.clear()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def _read_soon(self) -> None:
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="remote activity")

    def _take(self) -> LogAdvanced | None:
        """The next room that is due."""
        for room, advanced in self._pending.items():
            if advanced.changes_members or room not in self._intervals:
                del self._pending[room]
                return advanced
        return None

    async def _read(self) -> None:
        try:
            while (advanced := self._take()) is not None:
                self._begin_interval(advanced.room)
                with suppress(Unavailable):
                    await self._announce(advanced)
        finally:
            self._reading = None

    async def _announce(self, advanced: LogAdvanced) -> None:
        room, head, first, changes_members = advanced
        assert first is not None
        after = first - 1 if changes_members else max(first - 1, head - MAX_REMOTE_EVENTS)
        while after < head:
            batch = await self._database.read(_reader(room, after, head))
            if batch is None:
                return
            self._activity.on_events(batch)
            after = batch.last

    def _begin_interval(self, room: RoomId) -> None:
        if (timer := self._intervals.pop(room, None)) is not None:
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._intervals[room] = loop.call_later(self._interval_seconds, self._end_interval, room)

    def _end_interval(self, room: RoomId) -> None:
        del self._intervals[room]
        if room in self._pending:
            self._read_soon()


def _reader(room: RoomId, after: int, upto: int) -> Callable[[DbConnection], EventBatch | None]:
    """Read what there is of these events: the notification may be wrong about the room."""

    def work(connection: DbConnection) -> EventBatch | None:
        for _, head, first in polling.bounds(connection, [room]):
            return event_store.batch_after(
                connection,
                room,
                max(after, first - 1),
                upto=min(upto, head),
                limit=MAX_REMOTE_EVENTS,
            )
        return None

    return work
