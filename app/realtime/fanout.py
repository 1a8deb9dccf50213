"""
Writing to many connections without keeping the event loop or the log's writer waiting.

A write is a system call, and a hundred of them take half a millisecond, in which no frame is
read and no commit begins. So the hub itself writes only to connections that wait for a reply.
All others are queued here and written to in slices, one per turn of the loop, which pause while
the writer's thread prepares a commit and go on while it waits for the disk. A connection that is
sent a second batch before its turn gets both in one write: the busier a room, the fewer writes.
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
from ..observability.histogram import Histogram
from .outbox import Outbox

# uvloop's clock has milliseconds.
_LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Fanout:
    """
    The queue of outboxes that have something to flush.

    Implements :class:`app.services.log.writer_pacing.WriterPacing`. Used in the event loop,
    except for :meth:`resume_from_thread`. Frames keep their order per connection: whatever else
    is written to a queued outbox takes along what was queued before it.

    Args:
        patience_seconds: How long the head of the queue waits for the writer.

    """

    def __init__(self, patience_seconds: float = FANOUT_PATIENCE_SECONDS) -> None:
        self._patience_seconds = patience_seconds
        # Each outbox once, with the time it was queued at. Another write may have flushed it
        # meanwhile.
        self._queue: deque[tuple[Outbox, float]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        # Whether the writer's thread is preparing or committing a batch...
        self._writer_busy = False
        # ...and whether it needs the interpreter now.
        self._paused = False
        self._pause_timeout: asyncio.TimerHandle | None = None
        self._scheduled = False
        # Outboxes in the next slice. Doubles while the writer is idle.
        self._slice_size = FANOUT_SLICE
        self.lag_seconds = Histogram(_LAG_SECONDS)
        """How long the first connection of each slice had waited."""
        self.idle = asyncio.Event()
        """Set while the queue is empty."""
        self.idle.set()

    def send(self, outboxes: Iterable[Outbox], frames: bytes) -> None:
        """Queue finished frames for each outbox. They are written within a few turns."""
        loop = self._loop = asyncio.get_running_loop()
        queue, now = self._queue, loop.time()
        for outbox in outboxes:
            outbox.write_later(frames)
            if not outbox.queued_for_fanout:
                outbox.queued_for_fanout = True
                queue.append((outbox, now))
        if queue:
            self.idle.clear()
            self._schedule()

    def pause(self) -> None:
        """
        Write nothing until :meth:`resume`: the writer prepares a batch.

        Ends by itself after ``patience_seconds``, and doesn't begin while the head of the queue
        has waited for longer than that.
        """
        self._writer_busy = True
        self._slice_size = FANOUT_SLICE
        loop = self._loop
        if not self._queue or loop is None or self._paused:
            return
        if self._head_wait(loop) < self._patience_seconds:
            self._paused = True
            self._pause_timeout = loop.call_later(self._patience_seconds, self._unpause)

    def resume(self) -> None:
        """Write on: the writer is idle. Idempotent."""
        self._writer_busy = False
        self._unpause()

    def resume_from_thread(self) -> None:
        """Write on, while the writer waits for the disk. Called in the writer's thread."""
        if self._paused and self._loop is not None:
            self._loop.call_soon_threadsafe(self._unpause)

    def _unpause(self) -> None:
        self._paused = False
        if self._pause_timeout is not None:
            self._pause_timeout.cancel()
            self._pause_timeout = None
        self._schedule()

    def _schedule(self) -> None:
        if self._queue and self._loop is not None and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._write_slice, self._loop)

    def _write_slice(self, loop: asyncio.AbstractEventLoop) -> None:
        self._scheduled = False
        if self._paused:
            return
        size = self._slice_size
        if not self._writer_busy:
            # Every turn has a fixed cost, and the sender's reply has been read by now.
            self._slice_size = min(2 * size, FANOUT_QUIET_SLICE)
        waited = self._head_wait(loop)
        self.lag_seconds.observe(waited)
        if waited > 2 * self._patience_seconds:
            # Pausing alone doesn't take that long: the turns are long, or the queue is.
            size = max(size, len(self._queue) // FANOUT_LATE_TURNS)
        try:
            self._flush(size)
        finally:
            if not self._queue:
                self._slice_size = FANOUT_SLICE
                self.idle.set()
            self._schedule()

    def _flush(self, size: int) -> None:
        queue = self._queue
        for _ in range(min(len(queue), size)):
            outbox, _since = queue.popleft()
            outbox.queued_for_fanout = False
            outbox.flush()
        if self._writer_busy:
            # The writer's thread needs the interpreter to report its commit.
            os.sched_yield()

    def _head_wait(self, loop: asyncio.AbstractEventLoop) -> float:
        """How long the head of the queue has waited, in seconds."""
        return loop.time() - self._queue[0][1] if self._queue else 0.0
