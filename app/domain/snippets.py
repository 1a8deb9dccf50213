"""Excerpts of found messages: the text around the first match, with matches marked."""

from collections.abc import Iterator, Sequence

from .limits import SNIPPET_CHARACTERS
from .words import spans

# Characters of context before the first match.
_CONTEXT_CHARACTERS = 50

OPEN, CLOSE, CUT = "«", "»", "…"


def snippet(text: str, phrases: Sequence[Sequence[str]]) -> str:
    """
    At most ``SNIPPET_CHARACTERS`` of ``text``, with matches in «» and … where text is left out.

    Plain text: not escaped, so a page has to escape it before inserting it into HTML.
    """
    marks = list(_merged(_matches(text, phrases)))
    start = max(0, marks[0][0] - _CONTEXT_CHARACTERS) if marks else 0
    end = min(len(text), start + SNIPPET_CHARACTERS)
    start = max(0, min(start, end - SNIPPET_CHARACTERS))
    pieces = [CUT] if start else []
    position = start
    for first, last in marks:
        if first >= start and last <= end:
            pieces += [text[position:first], OPEN, text[first:last], CLOSE]
            position = last
    pieces.append(text[position:end])
    if end < len(text):
        pieces.append(CUT)
    return "".join(pieces)


def _matches(text: str, phrases: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    found = list(spans(text))
    words = [word for word, _, _ in found]
    marks = []
    for phrase in phrases:
        length = len(phrase)
        for index in range(len(words) - length + 1):
            if words[index : index + length] == list(phrase):
                marks.append((found[index][1], found[index + length - 1][2]))
    return sorted(marks)


def _merged(marks: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Merge overlapping matches."""
    current: tuple[int, int] | None = None
    for start, end in marks:
        if current is not None and start < current[1]:
            current = (current[0], max(current[1], end))
            continue
        if current is not None:
            yield current
        current = (start, end)
    if current is not None:
        yield current
