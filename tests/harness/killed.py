"""
The ``parley`` command, killed before it does one of its steps in the folder of the database.

A step is a file that is opened, linked, renamed, removed or given away, or a database that is
opened. ``KILL_BEFORE_STEP`` is the number of the step, from 0.
"""

import os
import runpy
import signal
import sys
from itertools import count

_STEPS = ("open", "os.chown", "os.link", "os.remove", "os.rename", "sqlite3.connect")


def kill_before(step: int, folder: str) -> None:
    """Kill this process before its step of this number."""
    steps = count()

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event in _STEPS and any(folder in str(argument) for argument in arguments):
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


if __name__ == "__main__":
    kill_before(int(os.environ["KILL_BEFORE_STEP"]), os.environ["DATA_DIR"])
    sys.argv[0] = "parley"
    runpy.run_module("app", run_name="__main__", alter_sys=True)
