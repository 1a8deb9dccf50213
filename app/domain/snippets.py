"""A piece of a text around what was looked for, with the matches marked."""

from collections.abc import Iterator, Sequence

from app.domain.limits import SNIPPET_CHARACTERS
from app.domain.words import spans

# How much of it stands before the first match.
_BEFORE = 50

OPEN, CLOSE, CUT = "«", "»", "…"


def snippet(text: str, phrases: Sequence[Sequence[str]]) -> str:
    """
    Plain text: matches stand in «», and … shows where something was left out.

    It may hold anything that the text holds: whoever shows it as HTML has to escape it.
    """
    marks = list(_merged(_matches(text, phrases)))
    start = max(0, marks[0][0] - _BEFORE) if marks else 0
    end = min(len(text), start + SNIPPET_CHARACTERS)
    start = max(0, min(start, end - SNIPPET_CHARACTERS))
    pieces = [CUT] if start else []
    at = start
    for begins, ends in marks:
        if begins >= start and ends <= end:
            pieces += [text[at:begins], OPEN, text[begins:ends], CLOSE]
            at = ends
    pieces.append(text[at:end])
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
    """The same without overlaps."""
    at: tuple[int, int] | None = None
    for begins, ends in marks:
        if at is not None and begins < at[1]:
            at = (at[0], max(at[1], ends))
            continue
        if at is not None:
            yield at
        at = (begins, ends)
    if at is not None:
        yield at
