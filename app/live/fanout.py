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

from app.domain.limits import FANOUT_PATIENCE_SECONDS, FANOUT_SLICE
from app.live.outbox import Outbox


class Fanout:
    """Those who are still to be told. In the event loop, where it does not say otherwise."""

    def __init__(self) -> None:
        # Each has something to flush, unless something else that was said has taken it along;
        # and when it was told so.
        self._waiting: deque[tuple[Outbox, float]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        # Whether a thread is busy that needs the interpreter, and whether it needs it now.
        self._rivalled = False
        self._making_way = False
        self._scheduled = False

    def tell(self, outboxes: Iterable[Outbox], frames: bytes) -> None:
        """Send finished frames to each, soon; what else is said to them comes behind."""
        loop = self._loop = asyncio.get_running_loop()
        waiting, now = self._waiting, loop.time()
        for outbox in outboxes:
            if outbox.write_later(frames):
                waiting.append((outbox, now))
        self._go_on()

    def make_way(self) -> None:
        """
        Tell nobody until :meth:`resume`: somebody else needs the processor more.

        Does nothing once somebody has waited for :data:`FANOUT_PATIENCE_SECONDS`.
        """
        self._rivalled = True
        if self._waiting and self._loop is not None:
            waited = self._loop.time() - self._waiting[0][1]
            self._making_way = waited < FANOUT_PATIENCE_SECONDS

    def resume(self) -> None:
        """Go on, and with nobody to take turns with. Idempotent."""
        self._rivalled = False
        self._resume()

    def resume_from_thread(self) -> None:
        """Go on, and let that thread have a turn now and then; called in it."""
        if self._making_way and self._loop is not None:
            self._loop.call_soon_threadsafe(self._resume)

    def _resume(self) -> None:
        self._making_way = False
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting and self._loop is not None and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._slice)

    def _slice(self) -> None:
        self._scheduled = False
        if self._making_way:
            return
        waiting = self._waiting
        for _ in range(min(len(waiting), FANOUT_SLICE)):
            waiting.popleft()[0].flush()
        if self._rivalled:
            # Once it has finished with the disk, it needs the interpreter to say so.
            os.sched_yield()
        self._go_on()
