"""Processes that run ``parley``: commands that end, and servers that run until they are told."""

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

# What a command takes on a machine that is busy with other things.
PATIENCE_SECONDS = 40.0
# Between two looks at something that can only be looked at.
_LOOK_SECONDS = 0.005


class Ended(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


class Process:
    """One that has been started, and what it writes."""

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
        """Its exit code; None while it runs."""
        if self._code is None:
            self._code = self._launcher.look(self.pid)
        return self._code

    @property
    def out(self) -> str:
        """Its standard output so far."""
        return self._out.read_text() if self._out.exists() else ""

    @property
    def err(self) -> str:
        """Its standard error so far."""
        return self._err.read_text() if self._err.exists() else ""

    def signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.code is None:
            os.kill(self.pid, number)

    def ended(self) -> Ended:
        """Wait until it has ended."""
        until(lambda: self.code is not None, f"process {self.pid} to end")
        assert self._code is not None
        return Ended(self._code, self.out, self.err)


class Launcher:
    """The process of launcher.py, asked to start others."""

    def __init__(self) -> None:
        asked, self._asks = os.pipe()
        self._answered, answers = os.pipe()
        environment = {
            **inherited(),
            "PYTHONPATH": str(ROOT),
            "PYTHONUTF8": "1",
        }
        self._process = subprocess.Popen(
            # -P: this folder is not where modules are looked for.
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
    ) -> Process:
        """
        Start ``parley`` with ``arguments``.

        Args:
            folder: Where it runs.
            environment: All that it finds there, but for what Python itself needs.
            stdin: What can be read from its standard input.
            logs: The folder for what it reads and writes.

        """
        self._count += 1
        typed, out, err = (
            logs / f"{self._count}.{name}" for name in ("stdin", "stdout", "stderr")
        )
        typed.write_bytes(stdin.encode("utf-8", "surrogateescape"))
        answer = self._ask(
            {
                "arguments": arguments,
                "folder": str(folder),
                "environment": {**inherited(), "COLUMNS": "80", **environment},
                "stdin": str(typed),
                "stdout": str(out),
                "stderr": str(err),
            }
        )
        return Process(self, answer["pid"], arguments, out, err)

    def look(self, pid: int) -> int | None:
        """The exit code of a process; None while it runs. To be asked no more afterwards."""
        code: int | None = self._ask({"wait": pid})["code"]
        return code

    def close(self) -> None:
        """End it, and what it has started and still runs."""
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
    """A launcher, ended with the block."""
    made = Launcher()
    try:
        yield made
    finally:
        made.close()


def inherited() -> dict[str, str]:
    """What a process needs of the tests' own environment, and no setting."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") or name.startswith("COV")
    }


def until(holds: Any, what: str) -> None:
    """Wait until ``holds()``."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < ends, f"Waited {PATIENCE_SECONDS} s for {what}."
        time.sleep(_LOOK_SECONDS)


def _of(*files: int) -> list[str]:
    return [str(number) for number in files]
