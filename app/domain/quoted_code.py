"""
Which parts of a text are code: in backticks, or in a fenced block.

The rules are CommonMark's (sections 4.5 and 6.1), read as chat is written: a block in three or
more backticks may begin and end within a line, and lines may be indented or quoted (``>``).
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# A run of backticks, or three tildes or more at the start of a line.
_MARK = re.compile(r"`+|^(?P<indent>[ \t>]*)~{3,}", re.MULTILINE)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
# From this length on, a run may enclose a block: blank lines don't end it.
_FENCE = 3


class _Mark(NamedTuple):
    start: int
    end: int
    sign: str
    opens_line: bool
    """Whether nothing but indentation precedes it on its line."""
    closes_line: bool
    """Whether no further mark of its kind follows on its line."""
    is_escaped: bool
    """Whether a backslash takes its first backtick away, if it isn't in code."""

    @property
    def length(self) -> int:
        return self.end - self.start

    @property
    def begins_block(self) -> bool:
        return self.length >= _FENCE and self.opens_line and self.closes_line

    def ends_block(self, opening: "_Mark") -> bool:
        is_long = self.length >= opening.length
        return self.sign == opening.sign and self.opens_line and is_long


def without_code(text: str) -> str:
    """``text`` with each part that is code replaced by one space."""
    if "`" not in text and "~~~" not in text:
        return text
    pieces, position = [], 0
    for start, end in _code(text):
        pieces += [text[position:start], " "]
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


def _code(text: str) -> Iterator[tuple[int, int]]:
    marks = list(_marks(text))
    by_length: dict[int, list[int]] = {}
    for index, mark in enumerate(marks):
        if mark.sign == "`":
            by_length.setdefault(mark.length, []).append(index)
    position = 0
    while position < len(marks):
        opening = marks[position]
        if opening.is_escaped:
            opening = opening._replace(start=opening.start + 1)
        same = by_length.get(opening.length, []) if opening.sign == "`" else []
        closing = _closing(marks, position, opening, same)
        if closing is None and opening.begins_block:
            yield opening.start, len(text)
            return
        if closing is not None and (
            opening.length >= _FENCE
            or not _BLANK_LINE.search(text, opening.end, marks[closing].start)
        ):
            yield opening.start, marks[closing].end
            position = closing
        position += 1


def _closing(
    marks: Sequence[_Mark], position: int, opening: _Mark, same: Sequence[int]
) -> int | None:
    """Where the first mark is that closes ``opening``. ``same``: where those of its length are."""
    next_same = bisect_right(same, position)
    found = same[next_same] if next_same < len(same) else None
    if not opening.begins_block:
        return found
    # If there is none, the block takes the rest of the text: so this looks at each mark once.
    following = range(position + 1, len(marks) if found is None else found)
    return next((i for i in following if marks[i].ends_block(opening)), found)


def _marks(text: str) -> Iterator[_Mark]:
    for match in _MARK.finditer(text):
        start, end = match.start() + len(match["indent"] or ""), match.end()
        sign = text[start]
        line_start = text.rfind("\n", 0, start) + 1
        line_end = text.find("\n", end)
        before = text[line_start:start]
        is_last = text.find(sign, end, len(text) if line_end < 0 else line_end) < 0
        backslashes = len(before) - len(before.rstrip("\\"))
        is_escaped = sign == "`" and backslashes % 2 == 1
        yield _Mark(start, end, sign, not before.strip(" \t>"), is_last, is_escaped)
