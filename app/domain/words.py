"""
Search terms: the words of a text, folded, the same on every database and for texts and queries.

In scripts without spaces between words (Chinese, Japanese, Thai, …), in Hangul and for emoji and
other symbols every character is a word, so that any part of a run is found.

The search index on disk holds these words. A change of how they are formed needs a higher
:data:`WORDS_VERSION`: the index is then rebuilt in the background.
"""

import re
from collections.abc import Iterator

from .folding import clusters, fold
from .limits import MAX_WORD_CHARACTERS

WORDS_VERSION = 2
"""Which rule makes the words. 1: until revision 0007 of the database."""

_ASCII_WORD = re.compile("[a-z0-9]+")
_ASCII_RUN = re.compile("[0-9A-Za-z]+")
_WORD = re.compile(r"\S+")


def words(text: str) -> list[str]:
    """The words of ``text``, in order, each at most ``MAX_WORD_CHARACTERS`` long."""
    found = _ASCII_WORD.findall(text.lower()) if text.isascii() else fold(text).split()
    return [word[:MAX_WORD_CHARACTERS] for word in found]


def spans(text: str) -> Iterator[tuple[str, int, int]]:
    """
    The words of ``text``, each with its start and end in ``text``.

    A character that stands for several words, such as the ligature of a unit, is the span of
    each of them.
    """
    if text.isascii():
        for run in _ASCII_RUN.finditer(text):
            yield run.group().lower()[:MAX_WORD_CHARACTERS], run.start(), run.end()
        return
    pieces: list[str] = []
    places: list[tuple[int, int]] = []
    for folded, start, end in clusters(text):
        pieces.append(folded)
        places += [(start, end)] * len(folded)
    for match in _WORD.finditer("".join(pieces)):
        (start, _), (_, end) = places[match.start()], places[match.end() - 1]
        yield match.group()[:MAX_WORD_CHARACTERS], start, end


def phrases(query: str) -> list[list[str]]:
    """The phrases of a query: for each term between spaces, the words that must be adjacent."""
    return [found for term in query.split() if (found := words(term))]
