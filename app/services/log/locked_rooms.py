"""
Rooms that are locked elsewhere: their appends wait here, so that all other rooms go on.

Another node holds a room's lock for the milliseconds of its batch; a shell with a forgotten
transaction, or a node that is frozen, for much longer.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from ...domain.appends import Append
from ...domain.errors import Unavailable
from ...domain.ids import RoomId
from ...domain.server_limits import LOCKED_ROOM_SECONDS, POSTGRES_LOG_SECONDS
from .batch_transaction import AppendResult, CommitResult

log = logging.getLogger("parley.committer")

Queued = tuple[Append, Callable[[AppendResult], None]]
_Write = Callable[[Sequence[Append], bool], Awaitable[CommitResult]]
_Deliver = Callable[[Sequence[Queued], CommitResult], None]


class LockedRooms:
    """
    The appends to locked rooms, in order, and the task that tries them again.

    Everything here is called in the event loop. A room stays until all of its appends have their
    results, and later appends to it join them. Each turn tries all rooms without waiting. If none
    is free, it waits for one of them in the database, where waiting is fair; they take turns.

    Args:
        write: Commits appends to these rooms; ``True``: without waiting for a lock.
        deliver: Passes on the results.
        seconds: How long an append is tried; then its result is Unavailable.

    """

    def __init__(
        self,
        write: _Write,
        deliver: _Deliver,
        *,
        max_appends: int,
        seconds: float = LOCKED_ROOM_SECONDS,
    ) -> None:
        self._write = write
        self._deliver = deliver
        self._max_appends = max_appends
        self._seconds = seconds
        self._rooms: dict[RoomId, deque[tuple[Queued, float]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._logged = -POSTGRES_LOG_SECONDS
        self.appends = 0
        """How many appends wait."""

    def __contains__(self, room: RoomId) -> bool:
        return room in self._rooms

    def __len__(self) -> int:
        """How many rooms are locked elsewhere."""
        return len(self._rooms)

    def add(self, queued: Queued) -> None:
        """Try this append again, after those to its room that are here already."""
        now = asyncio.get_running_loop().time()
        room = queued[0].room
        self._rooms.setdefault(room, deque()).append((queued, now + self._seconds))
        self.appends += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="locked-rooms")

    async def empty(self) -> None:
        """Return when every append that is here has its result."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        try:
            while self._rooms:
                if await self._try(list(self._rooms), skip_locked=True) or not self._rooms:
                    continue
                # By turns: the room that was waited for goes to the end.
                room = next(iter(self._rooms))
                self._rooms[room] = self._rooms.pop(room)
                await self._try([room], skip_locked=False)
                self._expire()
        finally:
            self._task = None

    async def _try(self, rooms: Sequence[RoomId], *, skip_locked: bool) -> bool:
        """Try the first appends of ``rooms``; return whether any has its result now."""
        queued = [q for room in rooms for q, _ in self._rooms[room]][: self._max_appends]
        result = await self._write([append for append, _ in queued], skip_locked)
        free = [append.room not in result.locked for append, _ in queued]
        done = [q for q, is_free in zip(queued, free, strict=True) if is_free]
        outcomes = [o for o, is_free in zip(result.outcomes, free, strict=True) if is_free]
        self._remove(done)
        self._deliver(done, CommitResult(outcomes, result.event_batches))
        return bool(done)

    def _expire(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._logged >= POSTGRES_LOG_SECONDS:
            self._logged = now
            log.warning("committer.rooms_locked", extra={"rooms": sorted(self._rooms)[:10]})
        over = [
            queued
            for waiting in self._rooms.values()
            for queued, deadline in waiting
            if deadline <= now
        ]
        self._remove(over)
        self._deliver(over, CommitResult([Unavailable() for _ in over], []))

    def _remove(self, done: Sequence[Queued]) -> None:
        """Remove appends, which are the first of their rooms."""
        for append, _ in done:
            waiting = self._rooms[append.room]
            waiting.popleft()
            self.appends -= 1
            if not waiting:
                del self._rooms[append.room]
