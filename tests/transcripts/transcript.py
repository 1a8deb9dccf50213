"""A transcript: recorded lines, and the file that they are compared with."""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.transcripts.placeholders import Placeholders

RECORDED = Path(__file__).with_name("recorded")

# Equal in each ``welcome`` of a server; recorded in full the first time.
_LIMITS = re.compile(r'"limits":\{[^}]+\}')

# The texts for people in an error.
_SENTENCE = re.compile(r'"(title|detail|msg|reason)":"((?:[^"\\]|\\.)*)"')


class Transcript:
    """What was sent and received, line by line."""

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
        """Start a new part."""
        self._lines += ["", f"# {text}", ""]

    def gap(self) -> None:
        """Put an empty line before what follows."""
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def add(self, who: str, mark: str, text: str) -> None:
        """
        Add a text, whose values that differ from run to run are replaced.

        Args:
            who: The client that sent or received it.
            mark: ``>``: sent, ``<``: received, ``~``: text for people.

        """
        text = _LIMITS.sub(self._limits_once, self.placeholders.apply(text))
        for line in text.split("\n"):
            self._lines.append(f"{who:>7} {mark} {line}".rstrip())

    def add_error(self, who: str, mark: str, text: str) -> None:
        """Add an error, with its sentences on lines of their own."""
        sentences = _SENTENCE.findall(text)
        self.add(who, mark, _SENTENCE.sub(r'"\1":"«…»"', text))
        self.add_sentences(f"{name}: {said}" for name, said in sentences)

    def add_sentences(self, sentences: Iterable[str]) -> None:
        """Add texts for people."""
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

    def save(self) -> None:
        """Make this transcript the recorded one."""
        RECORDED.mkdir(exist_ok=True)
        self.file.write_text(self.text)

    def difference(self) -> str:
        """A unified diff from the recorded transcript to this one; empty if they are equal."""
        recorded = self.file.read_text() if self.file.exists() else ""
        return "".join(
            difflib.unified_diff(
                recorded.splitlines(keepends=True),
                self.text.splitlines(keepends=True),
                f"recorded/{self.file.name}",
                "this run",
            )
        )


def shortened(value: Any) -> Any:
    """A request body with each long text replaced by its length."""
    if isinstance(value, dict):
        return {name: shortened(inner) for name, inner in value.items()}
    # Tokens are long too, and have placeholders.
    if isinstance(value, str) and len(value) > 200 and not value.startswith("eyJ"):
        return f"<{len(value)} characters>"
    return value
