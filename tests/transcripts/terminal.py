"""A terminal in a folder: commands, what they say and how they end are put down."""

import shlex
from collections.abc import Iterable
from pathlib import Path

from tests.transcripts.processes import Launcher, Process
from tests.transcripts.transcript import Transcript

# Said only where SQLite is older than one with a certain fix.
_OF_THIS_MACHINE = "sqlite.version"


class Terminal:
    """
    Where commands are run.

    Args:
        folder: Where they run.
        settings: The environment that they find.

    """

    def __init__(
        self, transcript: Transcript, launcher: Launcher, folder: Path, **settings: str
    ) -> None:
        self._transcript = transcript
        self._launcher = launcher
        self._logs = folder / "said"
        self._logs.mkdir(exist_ok=True)
        self._folder = folder / "here"
        self._folder.mkdir(exist_ok=True)
        self._settings = settings
        transcript.placeholders.know(str(self._folder), "folder")

    @property
    def folder(self) -> Path:
        """Where commands are run."""
        return self._folder

    def run(self, *arguments: str, typed: str = "", **settings: str) -> None:
        """Run a command, wait until it has ended, and put it down."""
        self.put_down(self.start(*arguments, typed=typed, **settings), typed, settings)

    def start(self, *arguments: str, typed: str = "", **settings: str) -> Process:
        """Start a command; nothing is put down yet."""
        return self._launcher.start(
            *arguments,
            folder=self._folder,
            environment={**self._settings, **settings},
            stdin=typed,
            logs=self._logs,
        )

    def put_down(
        self, process: Process, typed: str = "", settings: Iterable[str] | dict[str, str] = ()
    ) -> None:
        """Put down a command that has been started, once it has ended."""
        ended = process.ended()
        chosen = [f"{name}={shlex.quote(value)}" for name, value in dict(settings).items()]
        self._transcript.gap()
        command = " ".join([*chosen, "parley", shlex.join(process.arguments)]).rstrip()
        self._transcript.add("$", ">", command)
        for line in typed.splitlines():
            shown = line.encode("utf-8", "backslashreplace").decode()
            self._transcript.add("typed", ">", shown)
        self._say("<", ended.out)
        self._say("!", ended.err)
        self._transcript.add("exit", "=", str(ended.code))

    def _say(self, mark: str, text: str) -> None:
        for line in text.splitlines():
            if _OF_THIS_MACHINE not in line:
                self._transcript.add("", mark, line)
