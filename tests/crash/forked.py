"""
A server that starts in a fraction of the time: forked from a process that has imported it.

For tests that start a server a thousand times, in which Python's imports would take most of the
time. From its settings on, everything is as in any other start.
"""

import signal
import time
from pathlib import Path

from tests.harness.process import Process
from tests.transcripts import processes
from tests.transcripts.processes import Launcher


class _Forked:
    """A forked process, used as a :class:`subprocess.Popen`."""

    def __init__(self, process: processes.Process) -> None:
        self._process = process
        self.pid = process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.code

    def poll(self) -> int | None:
        return self._process.code

    def wait(self) -> int:
        while (code := self._process.code) is None:
            time.sleep(0.001)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        self._process.signal(number)

    def kill(self) -> None:
        self._process.signal(signal.SIGKILL)


class ForkedProcess(Process):
    """
    A :class:`Process` that is forked. Nothing can be preloaded into it with ``LD_PRELOAD``.

    Args:
        launcher: What forks it.

    """

    def __init__(self, folder: Path, launcher: Launcher, **chosen: object) -> None:
        super().__init__(folder, **chosen)
        self._launcher = launcher

    def _spawn(self) -> _Forked:
        return _Forked(
            self._launcher.start(
                "serve",
                folder=self._folder,
                environment=self._environment,
                logs=self._folder,
                output=self.log_file,
            )
        )
