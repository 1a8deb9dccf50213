"""
Python's cycle collector, in a process that holds thousands of connections.

Left alone it would walk over all of them again and again to find next to nothing: what ends
here breaks its own cycles. Told to look rarely, it would keep what is dead for ever, and a few
dead objects can hold hundreds of megabytes. So it looks rarely, and whenever the process has
grown.
"""

import asyncio
import gc
import os
from collections.abc import Callable

from ..domain.limits import GC_GROWTH_BYTES, GC_SECONDS, GC_THRESHOLD


def tune_collector() -> None:
    """Call this when all is made that stays for as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 50)


def resident_bytes() -> int:
    """What the process has in memory; 0 where the system doesn't tell."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


class GrowthWatch:
    """Collects when the process has grown by more than so much since it last did."""

    def __init__(self, growth: int, resident: Callable[[], int] = resident_bytes) -> None:
        self._growth = growth
        self._resident = resident
        self._base = resident()

    def look(self) -> bool:
        """Whether there was something to collect for."""
        now = self._resident()
        if now <= self._base + self._growth:
            self._base = min(self._base, now)
            return False
        gc.collect()
        self._base = self._resident()
        return True


async def collect_when_grown() -> None:
    """Look now and then, until it is cancelled."""
    watch = GrowthWatch(GC_GROWTH_BYTES)
    while True:
        await asyncio.sleep(GC_SECONDS)
        watch.look()
