"""
Search terms: the words of a text without case and accents, the same on every database.

In scripts without spaces between words (Chinese, Japanese, Thai, …), in Hangul and for emoji,
every character is a word, so that any part of a run is found.

The search index on disk holds these words. A change of how they are formed needs a migration that
rebuilds the index.
"""

import re
import unicodedata
from collections.abc import Iterator

from .characters import UNSPACED
from .limits import MAX_WORD_CHARACTERS

_ACCENTS = "\u0300-\u036f"
_WORD_CHARACTER = f"[^\\W_{UNSPACED}]"
_WORD = re.compile(f"([{UNSPACED}])|{_WORD_CHARACTER}(?:{_WORD_CHARACTER}+|[{_ACCENTS}]+)*")
_ASCII_WORD = re.compile("[a-z0-9]+")
# Runs between ASCII separators: _WORD is slow, and ASCII runs don't need it.
_RUN = re.compile("[0-9A-Za-z\x80-\U0010ffff]+")
_ACCENT = re.compile(f"[{_ACCENTS}]")
_NON_WORD = re.compile(r"[\W_]+")


def words(text: str) -> list[str]:
    """The words of ``text``, in order, each at most ``MAX_WORD_CHARACTERS`` long."""
    if text.isascii():
        found = _ASCII_WORD.findall(text.lower())
        return [word[:MAX_WORD_CHARACTERS] for word in found]
    return [word for word, _, _ in spans(text)]


def spans(text: str) -> Iterator[tuple[str, int, int]]:
    """The words of ``text``, each with its start and end in ``text``."""
    for run in _RUN.finditer(text):
        if run.group().isascii():
            yield run.group().lower()[:MAX_WORD_CHARACTERS], run.start(), run.end()
        else:
            yield from _spans_in(text, run.start(), run.end())


def phrases(query: str) -> list[list[str]]:
    """The phrases of a query: for each term between spaces, the words that must be adjacent."""
    return [found for term in query.split() if (found := words(term))]


def _spans_in(text: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    for match in _WORD.finditer(text, start, end):
        found = match.group()
        if match.group(1) is None:
            word = _fold(found)
        else:
            # Half-width forms are compatibility variants of the same characters.
            word = found if found < "\uf900" else unicodedata.normalize("NFKC", found)
        if word:
            yield word, match.start(), match.end()


def _fold(run: str) -> str:
    bare = _ACCENT.sub("", unicodedata.normalize("NFKD", run.casefold()))
    return _NON_WORD.sub("", unicodedata.normalize("NFC", bare))[:MAX_WORD_CHARACTERS]
