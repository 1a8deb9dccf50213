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
from pathlib import Path
from statistics import median
from types import FrameType

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


def slope(samples: list[tuple[float, float]]) -> float:
    """
    The growth per unit of time: the median of the slopes between any two samples (Theil-Sen).

    A few samples taken during a peak move it little, unlike a regression.
    """
    return median(
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for earlier, later in combinations(samples, 2)
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
