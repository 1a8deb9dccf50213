"""Processes that run ``parley`` commands."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]

# How long to wait for a process. Generous, for busy machines.
PATIENCE_SECONDS = 40.0
# Between two checks of a condition that nothing signals.
_POLL_SECONDS = 0.005


class Ended(NamedTuple):
    """The result of a command."""

    code: int
    out: str
    err: str


class Process:
    """A process that has been started."""

    def __init__(
        self,
        launcher: "Launcher",
        pid: int,
        arguments: tuple[str, ...],
        out: Path,
        err: Path,
    ) -> None:
        self._launcher = launcher
        self.pid = pid
        self.arguments = arguments
        self._out = out
        self._err = err
        self._code: int | None = None

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        if self._code is None:
            self._code = self._launcher.poll(self.pid)
        return self._code

    @property
    def out(self) -> str:
        """The standard output so far."""
        return self._out.read_text() if self._out.exists() else ""

    @property
    def err(self) -> str:
        """The standard error so far."""
        return self._err.read_text() if self._err.exists() else ""

    def signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.code is None:
            os.kill(self.pid, number)

    def ended(self) -> Ended:
        """Wait until it has ended."""
        wait_until(lambda: self.code is not None, f"process {self.pid} to end")
        assert self._code is not None
        return Ended(self._code, self.out, self.err)


class Launcher:
    """A process of launcher.py, which starts others."""

    def __init__(self) -> None:
        asked, self._asks = os.pipe()
        self._answered, answers = os.pipe()
        environment = {
            **inherited(),
            "PYTHONPATH": str(ROOT),
            "PYTHONUTF8": "1",
        }
        self._process = subprocess.Popen(
            # -P: don't look for modules in this folder.
            [
                sys.executable,
                "-P",
                str(Path(__file__).with_name("launcher.py")),
                *_of(asked, answers),
            ],
            env=environment,
            pass_fds=(asked, answers),
            stdin=subprocess.DEVNULL,
        )
        os.close(asked)
        os.close(answers)
        self._requests = os.fdopen(self._asks, "w")
        self._answers = os.fdopen(self._answered)
        self._count = 0

    def start(
        self,
        *arguments: str,
        folder: Path,
        environment: Mapping[str, str],
        stdin: str = "",
        logs: Path,
        output: Path | None = None,
        module: str = "app",
    ) -> Process:
        """
        Start ``python -m app`` with ``arguments``.

        Args:
            folder: Its current directory.
            environment: Its environment, besides what Python needs.
            stdin: Its standard input.
            logs: A folder for its standard input, output and error.
            output: A file that output and error are appended to; None: one of its own for each.
            module: Another module than ``app``.

        """
        self._count += 1
        typed, out, err = (
            logs / f"{self._count}.{name}" for name in ("stdin", "stdout", "stderr")
        )
        out, err = output or out, output or err
        typed.write_bytes(stdin.encode("utf-8", "surrogateescape"))
        answer = self._ask(
            {
                "module": module,
                "arguments": arguments,
                "folder": str(folder),
                "environment": {**inherited(), "COLUMNS": "80", **environment},
                "stdin": str(typed),
                "stdout": str(out),
                "stderr": str(err),
            }
        )
        return Process(self, answer["pid"], arguments, out, err)

    def poll(self, pid: int) -> int | None:
        """The exit code of a process, once; None while it runs."""
        code: int | None = self._ask({"wait": pid})["code"]
        return code

    def close(self) -> None:
        """End it, and every process that it has started."""
        self._requests.close()
        self._process.wait(PATIENCE_SECONDS)
        self._answers.close()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()
        answer: dict[str, Any] = json.loads(self._answers.readline())
        return answer


@contextmanager
def launcher() -> Iterator[Launcher]:
    """A launcher, closed at the end of the block."""
    made = Launcher()
    try:
        yield made
    finally:
        made.close()


def inherited() -> dict[str, str]:
    """The variables of this process's environment that others need. No setting is among them."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") or name.startswith("COV")
    }


def wait_until(holds: Any, what: str) -> None:
    """Wait until ``holds()``."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < ends, f"Waited {PATIENCE_SECONDS} s for {what}."
        time.sleep(_POLL_SECONDS)


def _of(*files: int) -> list[str]:
    return [str(number) for number in files]
