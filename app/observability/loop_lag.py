"""How late the event loop calls what is due: the first sign of an overload."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from ..domain.server_limits import LOOP_LAG_PROBE_SECONDS
from .histogram import Histogram

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class LoopLag:
    """
    Sets a timer again and again, and measures how late it fires. Used in the event loop.

    Args:
        probe_seconds: The pause between two measurements.

    """

    def __init__(self, probe_seconds: float = LOOP_LAG_PROBE_SECONDS) -> None:
        self.seconds = Histogram(_BOUNDS)
        """Seconds between when a timer was due and when it fired."""
        self._probe_seconds = probe_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def start(self) -> None:
        """Measure from now on."""
        # uvloop's clock has milliseconds, and stands still during a turn of the loop.
        self._due = monotonic() + self._probe_seconds
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._probe_seconds, self._on_timer)

    def stop(self) -> None:
        """Measure no more. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()

    def _on_timer(self) -> None:
        # Its timers may fire a millisecond too early.
        self.seconds.observe(max(monotonic() - self._due, 0.0))
        self.start()


@asynccontextmanager
async def open_loop_lag() -> AsyncIterator[LoopLag]:
    """Measure the lag of the running event loop until the block ends."""
    lag = LoopLag()
    lag.start()
    try:
        yield lag
    finally:
        lag.stop()
