"""Programs of this project, run as somebody at a terminal runs them."""

import os
import subprocess
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

from tests.docs.pages import ROOT

# Starting takes two seconds; machines that are busy take longer.
PATIENCE_SECONDS = 30


class Terminal:
    """A program that somebody types to, and reads line by line."""

    def __init__(self, *command: str, cwd: Path) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_environment(cwd),
        )
        # None: it says nothing more.
        self._lines: Queue[str | None] = Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def types(self, line: str) -> None:
        """Type a line and press Enter."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def shows(self) -> str:
        """The next line that it prints."""
        try:
            line = self._lines.get(timeout=PATIENCE_SECONDS)
        except Empty:
            raise AssertionError(f"Nothing was printed for {PATIENCE_SECONDS} s.") from None
        assert line is not None, f"It has ended with {self._process.wait(PATIENCE_SECONDS)}."
        return line

    def ends(self) -> int:
        """Press Ctrl+D; the exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._finish()

    def stop(self) -> int:
        """Press Ctrl+C, or what comes to the same; the exit code."""
        self._process.terminate()
        return self._finish()

    def kill(self) -> None:
        """Pull the plug."""
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
