"""A terminal: records commands, their output and their exit codes."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from tests.transcripts.processes import Launcher, Process
from tests.transcripts.transcript import Transcript

# A log line that depends on the version of SQLite.
_OF_THIS_MACHINE = "sqlite.version"


class Terminal:
    """
    Runs commands.

    Args:
        folder: An empty folder; commands run in a folder of it.
        settings: Environment variables of every command.

    """

    def __init__(
        self, transcript: Transcript, launcher: Launcher, folder: Path, **settings: str
    ) -> None:
        self._transcript = transcript
        self._launcher = launcher
        self._logs = folder / "output"
        self._logs.mkdir(exist_ok=True)
        self._folder = folder / "current"
        self._folder.mkdir(exist_ok=True)
        self._settings = settings
        transcript.placeholders.know(str(self._folder), "folder")

    @property
    def folder(self) -> Path:
        """The current directory of the commands."""
        return self._folder

    def run(self, *arguments: str, typed: str = "", **settings: str) -> None:
        """Run a command, wait until it has ended, and record it."""
        self.record(self.start(*arguments, typed=typed, **settings), typed, settings)

    def start(self, *arguments: str, typed: str = "", **settings: str) -> Process:
        """Start a command; nothing is recorded yet."""
        return self._launcher.start(
            *arguments,
            folder=self._folder,
            environment={**self._settings, **settings},
            stdin=typed,
            logs=self._logs,
        )

    def record(
        self, process: Process, typed: str = "", settings: Mapping[str, str] | None = None
    ) -> None:
        """Wait until a command has ended, and record it."""
        ended = process.ended()
        chosen = [f"{name}={shlex.quote(value)}" for name, value in (settings or {}).items()]
        self._transcript.gap()
        command = " ".join([*chosen, "parley", shlex.join(process.arguments)]).rstrip()
        self._transcript.add("$", ">", command)
        for line in typed.splitlines():
            shown = line.encode("utf-8", "backslashreplace").decode()
            self._transcript.add("typed", ">", shown)
        self._add("<", ended.out)
        self._add("!", ended.err)
        self._transcript.add("exit", "=", str(ended.code))

    def _add(self, mark: str, text: str) -> None:
        for line in text.splitlines():
            if _OF_THIS_MACHINE not in line:
                self._transcript.add("", mark, line)
