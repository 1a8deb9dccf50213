"""
Python's cycle collector, in a process that holds thousands of connections.

With Python's defaults it would traverse all of them often and find little, since connections
break their own reference cycles. If it only ran rarely, a few unreachable objects could keep
hundreds of megabytes. So it runs rarely, and also whenever the process has grown.
"""

import asyncio
import gc
import os
from collections.abc import Callable

from ..domain.server_limits import GC_GROWTH_BYTES, GC_SECONDS, GC_THRESHOLD


def tune_collector() -> None:
    """Call this at the end of the start, when all long-lived objects exist."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 50)


def resident_bytes() -> int:
    """The resident set of the process; 0 where there is no ``/proc``."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


class GrowthWatch:
    """Collects when the process has grown by more than ``growth`` since the last collection."""

    def __init__(self, growth: int, resident: Callable[[], int] = resident_bytes) -> None:
        self._growth = growth
        self._resident = resident
        self._base = resident()

    def look(self) -> bool:
        """Collect if the process has grown; whether it has."""
        now = self._resident()
        if now <= self._base + self._growth:
            self._base = min(self._base, now)
            return False
        gc.collect()
        self._base = self._resident()
        return True


async def collect_when_grown() -> None:
    """Check every few seconds, until it is cancelled."""
    watch = GrowthWatch(GC_GROWTH_BYTES)
    while True:
        await asyncio.sleep(GC_SECONDS)
        watch.look()
