"""
What a server process holds: memory, descriptors, threads and tasks.

Run as a script, it is the ``parley`` command with a handler of ``SIGUSR2`` that appends the number
of tasks to the file ``TASKS_FILE``, which is all that can't be seen from outside.
"""

import asyncio
import gc
import os
import runpy
import signal
import sys
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from pathlib import Path
from statistics import median
from types import FrameType
from typing import NamedTuple

MIB = 1024 * 1024


@dataclass(frozen=True)
class Footprint:
    """What a process holds at a moment."""

    memory_bytes: int
    """Resident and not of a file: mapped files are the page cache's, not the process's."""
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> "Footprint":
        """Of a process, as Linux counts."""
        folder = Path("/proc") / str(pid)
        lines = (line.split() for line in (folder / "status").read_text().splitlines())
        status = {parts[0].rstrip(":"): parts[1] for parts in lines if len(parts) > 1}
        return cls(
            memory_bytes=int(status["RssAnon"]) * 1024,
            descriptors=len(list((folder / "fd").iterdir())),
            threads=int(status["Threads"]),
        )


class Sample(NamedTuple):
    """How much memory a process held at a time."""

    minute: float
    mib: float


class Slope(NamedTuple):
    """The growth per minute, and the ends of its confidence interval of 95 %."""

    estimate: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.estimate:+.3f} ({self.low:+.3f} to {self.high:+.3f})"


BLOCKS = 24
"""Medians that a slope is drawn through. Of minutes each, they depend little on one another."""


def slope(samples: list[Sample]) -> Slope:
    """
    The median of the slopes between any two points (Theil-Sen), and its interval as of Sen.

    A few samples taken during a peak move it little, unlike a regression. The points are medians
    of successive samples: samples of a process a few seconds apart are much alike, which would
    make the interval look narrower than it is.
    """
    size = max(1, len(samples) // BLOCKS)
    points = [
        Sample(median(s.minute for s in block), median(s.mib for s in block))
        for block in (samples[at : at + size] for at in range(0, len(samples), size))
    ]
    count = len(points)
    slopes = sorted(
        (later.mib - earlier.mib) / (later.minute - earlier.minute)
        for earlier, later in combinations(points, 2)
    )
    # Of the number of rising pairs, if there is no trend (Kendall).
    deviation = sqrt(count * (count - 1) * (2 * count + 5) / 18)
    off = int(1.96 * deviation / 2) + 1
    middle = len(slopes) // 2
    return Slope(
        median(slopes), slopes[max(0, middle - off)], slopes[min(len(slopes) - 1, middle + off)]
    )


def count_tasks(signum: int, frame: FrameType | None) -> None:
    """Append the number of tasks that are not done."""
    tasks = [found for found in gc.get_objects() if isinstance(found, asyncio.Task)]
    with Path(os.environ["TASKS_FILE"]).open("a") as file:
        file.write(f"{sum(not task.done() for task in tasks)}\n")


if __name__ == "__main__":
    signal.signal(signal.SIGUSR2, count_tasks)
    sys.argv[0] = "parley"
    runpy.run_module("app", run_name="__main__", alter_sys=True)
