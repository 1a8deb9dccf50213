"""
The ``parley`` command, killed at a point that a test chooses.

``KILL_BEFORE_STEP`` is the number of a step, from 0: a file in the folder of the database that is
opened, linked, renamed, removed or given away, or a database that is opened.

``KILL_AFTER_CPU_SECONDS`` is how much time of the processor it is given, which a busy machine does
not change. Not killed, it writes how much it has used into ``CPU_SECONDS_FILE``.
"""

import atexit
import os
import runpy
import signal
import sys
import time
from itertools import count
from pathlib import Path

_STEPS = ("open", "os.chown", "os.link", "os.remove", "os.rename", "sqlite3.connect")


def kill_before(step: int, folder: str) -> None:
    """Kill this process before its step of this number."""
    steps = count()

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event in _STEPS and any(folder in str(argument) for argument in arguments):
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def kill_after(cpu_seconds: float) -> None:
    """Let the kernel end this process, which is as sudden as SIGKILL: nothing handles SIGPROF."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)


def note_cpu_seconds(file: Path) -> None:
    """Write down how much time of the processor is used from now on, at the end."""
    began = time.process_time()
    atexit.register(lambda: file.write_text(str(time.process_time() - began)))


if __name__ == "__main__":
    if (step := os.environ.get("KILL_BEFORE_STEP")) is not None:
        kill_before(int(step), os.environ["DATA_DIR"])
    if (seconds := os.environ.get("KILL_AFTER_CPU_SECONDS")) is not None:
        kill_after(float(seconds))
    if (file := os.environ.get("CPU_SECONDS_FILE")) is not None:
        note_cpu_seconds(Path(file))
    sys.argv[0] = "parley"
    runpy.run_module("app", run_name="__main__", alter_sys=True)
