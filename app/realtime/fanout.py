"""
Telling many sockets: a few in each turn of the loop, and the rest while the disk is busy.

A write is a system call; a hundred of them are half a millisecond, in which no frame is read
and no commit begins. So the hub writes to those who wait for an answer, and everybody else is
told here, in slices, which make way for the thread that prepares the next commit and go on
while it waits for the disk. Who is told of a second run before their turn has come gets both
in one write: the busier a room, the fewer the writes.
"""

import asyncio
import os
from collections import deque
from collections.abc import Iterable

from ..domain.limits import (
    FANOUT_LATE_TURNS,
    FANOUT_PATIENCE_SECONDS,
    FANOUT_QUIET_SLICE,
    FANOUT_SLICE,
)
from .outbox import Outbox


class Fanout:
    """Those who are still to be told. In the event loop, where it does not say otherwise."""

    def __init__(self, patience_seconds: float = FANOUT_PATIENCE_SECONDS) -> None:
        self._patience_seconds = patience_seconds
        # Each once, and since when. It has something to flush, unless what was said meanwhile
        # has taken it along.
        self._waiting: deque[tuple[Outbox, float]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        # Whether a thread is busy that needs the interpreter, and whether it needs it now.
        self._writer_busy = False
        self._paused = False
        self._patience: asyncio.TimerHandle | None = None
        self._scheduled = False
        # Of the next slice, with nobody to take turns with.
        self._size = FANOUT_SLICE
        self.idle = asyncio.Event()
        """Set while nobody is to be told."""
        self.idle.set()

    def send(self, outboxes: Iterable[Outbox], frames: bytes) -> None:
        """Send finished frames to each, soon; what else is said to them comes behind."""
        loop = self._loop = asyncio.get_running_loop()
        waiting, now = self._waiting, loop.time()
        for outbox in outboxes:
            outbox.write_later(frames)
            if not outbox.queued_for_fanout:
                outbox.queued_for_fanout = True
                waiting.append((outbox, now))
        if waiting:
            self.idle.clear()
            self._go_on()

    def pause(self) -> None:
        """
        Tell nobody until :meth:`resume`: somebody else needs the processor more.

        For no longer than :data:`FANOUT_PATIENCE_SECONDS`, and not at all once somebody has
        waited for that long.
        """
        self._writer_busy = True
        self._size = FANOUT_SLICE
        loop = self._loop
        if not self._waiting or loop is None or self._paused:
            return
        if self._waited(loop) < self._patience_seconds:
            self._paused = True
            self._patience = loop.call_later(self._patience_seconds, self._resume)

    def resume(self) -> None:
        """Go on, and with nobody to take turns with. Idempotent."""
        self._writer_busy = False
        self._resume()

    def resume_from_thread(self) -> None:
        """Go on, and let that thread have a turn now and then; called in it."""
        if self._paused and self._loop is not None:
            self._loop.call_soon_threadsafe(self._resume)

    def _resume(self) -> None:
        self._paused = False
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting and self._loop is not None and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._slice, self._loop)

    def _slice(self, loop: asyncio.AbstractEventLoop) -> None:
        self._scheduled = False
        if self._paused:
            return
        size = self._size
        if not self._writer_busy:
            # Each turn has its price, and whoever was answered first has been heard by now.
            self._size = min(2 * size, FANOUT_QUIET_SLICE)
        if self._waited(loop) > 2 * self._patience_seconds:
            # Longer than making way takes: turns are long, or the crowd is large.
            size = max(size, len(self._waiting) // FANOUT_LATE_TURNS)
        try:
            self._tell(size)
        finally:
            if not self._waiting:
                self._size = FANOUT_SLICE
                self.idle.set()
            self._go_on()

    def _tell(self, size: int) -> None:
        waiting = self._waiting
        for _ in range(min(len(waiting), size)):
            outbox, _since = waiting.popleft()
            outbox.queued_for_fanout = False
            outbox.flush()
        if self._writer_busy:
            # Once it has finished with the disk, it needs the interpreter to say so.
            os.sched_yield()

    def _waited(self, loop: asyncio.AbstractEventLoop) -> float:
        """Seconds that who comes next has waited for."""
        return loop.time() - self._waiting[0][1] if self._waiting else 0.0
