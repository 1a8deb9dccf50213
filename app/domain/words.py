"""
What search compares: the words of a text, without case and accents, the same on every engine.

Scripts that put no spaces between words (Chinese, Japanese, Thai, …), Hangul and emoji count
every character as a word, so that a part of a run of them is found too.

The index on disk holds these words: whoever changes how they are made writes a migration
that makes the index anew.
"""

import re
import unicodedata
from collections.abc import Iterator

from app.domain.limits import MAX_WORD_CHARACTERS

_ALONE = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Myanmar, Khmer
    "\u2600-\u27bf"  # symbols and dingbats
    "\u2e80-\u2fff\u3005-\u3007\u3021-\u3029\u3040-\u318f\u31a0-\u31ff"  # kana, bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\uac00-\ud7af"  # Hangul
    "\uff66-\uff9f"  # half-width kana
    "\U0001f000-\U0001faff"  # emoji
    "\U00020000-\U0003ffff"  # more Han
)
_ACCENTS = "\u0300-\u036f"
_OF_WORD = f"[^\\W_{_ALONE}]"
_WORD = re.compile(f"([{_ALONE}])|{_OF_WORD}(?:{_OF_WORD}+|[{_ACCENTS}]+)*")
_ASCII_WORD = re.compile("[a-z0-9]+")
# Where no ASCII separates: the pattern above is slow, and most runs don't need it.
_RUN = re.compile("[0-9A-Za-z\x80-\U0010ffff]+")
_ACCENT = re.compile(f"[{_ACCENTS}]")
_NO_WORD = re.compile(r"[\W_]+")


def words(text: str) -> list[str]:
    """The words of ``text``, in order: letters and digits, or one character each."""
    if text.isascii():
        found = _ASCII_WORD.findall(text.lower())
        return [word[:MAX_WORD_CHARACTERS] for word in found]
    return [word for word, _, _ in spans(text)]


def spans(text: str) -> Iterator[tuple[str, int, int]]:
    """The same, each with where it begins and ends in ``text``."""
    for run in _RUN.finditer(text):
        if run.group().isascii():
            yield run.group().lower()[:MAX_WORD_CHARACTERS], run.start(), run.end()
        else:
            yield from _spans_in(text, run.start(), run.end())


def phrases(query: str) -> list[list[str]]:
    """What to look for: between spaces, words that follow each other."""
    return [found for term in query.split() if (found := words(term))]


def _spans_in(text: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    for match in _WORD.finditer(text, start, end):
        found = match.group()
        if match.group(1) is None:
            word = _folded(found)
        else:
            # Half-width forms are the same characters.
            word = found if found < "\uf900" else unicodedata.normalize("NFKC", found)
        if word:
            yield word, match.start(), match.end()


def _folded(run: str) -> str:
    bare = _ACCENT.sub("", unicodedata.normalize("NFKD", run.casefold()))
    return _NO_WORD.sub("", unicodedata.normalize("NFC", bare))[:MAX_WORD_CHARACTERS]
