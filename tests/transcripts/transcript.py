"""One transcript: the lines of a conversation, and the file that they are compared with."""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

from tests.transcripts.placeholders import Placeholders

RECORDED = Path(__file__).with_name("recorded")

# What each welcome says of the server. It is shown once.
_LIMITS = re.compile(r'"limits":\{[^}]+\}')

# What an error says to people: its title, its detail, and one sentence for each wrong field.
_SENTENCE = re.compile(r'"(title|detail|msg|reason)":"((?:[^"\\]|\\.)*)"')


class Transcript:
    """What was said, line by line."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.placeholders = Placeholders()
        self._lines: list[str] = []
        self._limits = ""

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self._lines).strip("\n") + "\n"

    def heading(self, text: str) -> None:
        """Begin another part."""
        self._lines += ["", f"# {text}", ""]

    def gap(self) -> None:
        """Set what follows apart."""
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def add(self, who: str, mark: str, text: str) -> None:
        """
        Something that was said.

        Args:
            who: By whom, or to whom.
            mark: ``>`` for what was asked, ``<`` for what was answered, ``~`` for people.

        """
        text = _LIMITS.sub(self._limits_once, self.placeholders.apply(text))
        for line in text.split("\n"):
            self._lines.append(f"{who:>7} {mark} {line}".rstrip())

    def add_error(self, who: str, mark: str, text: str) -> None:
        """The same of an error: its sentences are set apart from its facts."""
        sentences = _SENTENCE.findall(text)
        self.add(who, mark, _SENTENCE.sub(r'"\1":"«…»"', text))
        self.add_sentences(f"{name}: {said}" for name, said in sentences)

    def add_sentences(self, sentences: Iterable[str]) -> None:
        """What people read."""
        for sentence in sentences:
            self.add("", "~", sentence)

    def _limits_once(self, found: re.Match[str]) -> str:
        if found[0] == self._limits:
            return '"limits":{…}'
        self._limits = found[0]
        return found[0]

    # The file

    @property
    def file(self) -> Path:
        """Where it is recorded."""
        return RECORDED / f"{self.name}.txt"

    def record(self) -> None:
        """Make this what the next runs are compared with."""
        RECORDED.mkdir(exist_ok=True)
        self.file.write_text(self.text)

    def difference(self) -> str:
        """How it differs from what is recorded, as a unified diff; empty if it does not."""
        recorded = self.file.read_text() if self.file.exists() else ""
        return "".join(
            difflib.unified_diff(
                recorded.splitlines(keepends=True),
                self.text.splitlines(keepends=True),
                f"recorded/{self.file.name}",
                "this run",
            )
        )
