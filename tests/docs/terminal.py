"""Programs of this project, run as from a terminal."""

import os
import subprocess
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

from tests.docs.pages import ROOT

# Starting takes two seconds, and longer on a busy machine.
PATIENCE_SECONDS = 30


class Terminal:
    """A running program: write lines to its input, read lines of its output."""

    def __init__(self, *command: str, cwd: Path) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_environment(cwd),
        )
        # None marks the end of the output.
        self._lines: Queue[str | None] = Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def types(self, line: str) -> None:
        """Write a line to the program's input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def shows(self) -> str:
        """The next line of the output."""
        try:
            line = self._lines.get(timeout=PATIENCE_SECONDS)
        except Empty:
            raise AssertionError(f"Nothing was printed for {PATIENCE_SECONDS} s.") from None
        assert line is not None, f"It has ended with {self._process.wait(PATIENCE_SECONDS)}."
        return line

    def ends(self) -> int:
        """Close the input (Ctrl+D), and return the exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._finish()

    def stop(self) -> int:
        """Terminate the program (as Ctrl+C does), and return its exit code."""
        self._process.terminate()
        return self._finish()

    def kill(self) -> None:
        """Kill the program."""
        self._process.kill()
        self._finish()

    def _finish(self) -> int:
        code = self._process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        return code


def _environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": "",
        "SECRET_KEY": "",
        "HOST": "127.0.0.1",
        "PORT": "0",
    }
