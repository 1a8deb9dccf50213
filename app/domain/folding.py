"""
Folding for search: what makes two spellings of a word the same word.

A text is folded in clusters, a character and the marks on it, because only together they can be
composed and ordered: Korean and Japanese typed on macOS come decomposed. See ``docs/text.md``.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from .characters import UNSPACED

# Marks on letters that are ignored: accents, nukta, the points of Hebrew, Arabic and Syriac.
_IGNORED_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0711"
    "\u0730-\u074a\u08ca-\u08ff\u093c\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20e2\u20e4-\u20ff\ufe20-\ufe2f"
)
# Without width and meaning, inside words too: a soft hyphen, joiners, directions, selectors.
_IGNORED_FORMATS = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff"
)
_IGNORED = re.compile(f"[{_IGNORED_MARKS}{_IGNORED_FORMATS}\u0640]")  # and Arabic's kashida
# Letters that differ in a keyboard's habits, or by a stroke that is no mark of its own.
_SAME_LETTERS = {
    "ı": "i",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ħ": "h",
    "ŧ": "t",
    "æ": "ae",
    "œ": "oe",
    "\u0649": "\u06cc",  # alef maksura and the two ye of Arabic and Persian
    "\u064a": "\u06cc",
    "\u0643": "\u06a9",  # kaf, likewise
    # Letters that are apostrophes, which separate words.
    "\u02bb": " ",
    "\u02bc": " ",
}
# Emoji that aren't symbols by their category, or that decompose into something else.
_EMOJI = re.compile(
    "[\u203c\u2049\u2122\u2139\u2194\u24c2\u25fb-\u25fe\u2934\u2935\u3030\u303d\u3297\u3299"
    "\U0001f201\U0001f202\U0001f21a\U0001f22f\U0001f232-\U0001f23a\U0001f250\U0001f251]"
)
_EMOJI_BLOCKS = range(0x1F000, 0x1FB00)
_UNSPACED = re.compile(f"[{UNSPACED}]")
_KEYCAP = "\u20e3"
# Stand for # and * in keycaps, because words hold no ASCII punctuation.
_KEYCAP_SIGNS = {"#": "\uff03", "*": "\uff0a"}
_REPLACEMENT = "\ufffd"


def _marks() -> str:
    """What follows another character in a cluster, as ranges."""
    ranges: list[list[int]] = []
    for point in (*range(0x300, 0x3400), *range(0xA600, 0xAC00), *range(0xFB00, 0x1F000)):
        if unicodedata.category(chr(point))[0] == "M":
            if ranges and ranges[-1][1] == point - 1:
                ranges[-1][1] = point
            else:
                ranges.append([point, point])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


# Besides marks: vowels and finals of Korean syllables, half-width voicing signs of Japanese.
_CLUSTER = re.compile(
    f"[0-9A-Za-z]+(?!\ufe0f?{_KEYCAP})"
    f"|.[{_marks()}\u1160-\u11ff\ud7b0-\ud7ff\uff9e\uff9f\U000e0100-\U000e01ef]*",
    re.DOTALL,
)
# Persian keyboards separate the parts of a word with it: a space or nothing does as well.
_JOINER_IN_ARABIC = re.compile("(?<=[\u0600-\u06ff])\u200c(?=[\u0600-\u06ff])")
_THAI_AND_LAO = re.compile("([\u0e4d\u0ecd])([\u0e48-\u0e4b\u0ec8-\u0ecb])")


def clusters(text: str) -> Iterator[tuple[str, int, int]]:
    """
    The clusters of ``text``, folded, each with its start and end in ``text``.

    Joined, they are words between spaces. A character that is a word of its own has spaces
    around it.
    """
    for match in _CLUSTER.finditer(_prepared(text)):
        yield _fold(match.group()), match.start(), match.end()


def fold(text: str) -> str:
    """The folded clusters of ``text``, joined."""
    return "".join(map(_fold, _CLUSTER.findall(_prepared(text))))


def _prepared(text: str) -> str:
    """``text`` with some characters replaced by as many others."""
    if "\u200c" in text:
        text = _JOINER_IN_ARABIC.sub("-", text)
    if "\u0e4d" in text or "\u0ecd" in text:
        # Typed in either order; the vowel AM decomposes into this one.
        text = _THAI_AND_LAO.sub(r"\2\1", text)
    return text


@lru_cache(maxsize=16_384)
def _fold(cluster: str) -> str:
    first = cluster[0]
    if cluster.isascii() and cluster.isalnum():
        return cluster.lower()
    if _KEYCAP in cluster and first in _KEYCAP_SIGNS:
        return f" {_KEYCAP_SIGNS[first]} {_KEYCAP} "
    if _EMOJI.match(first):
        return f" {first} "
    decomposed = unicodedata.normalize("NFKD", cluster)
    decomposed = unicodedata.normalize("NFKD", decomposed.casefold())
    kept = unicodedata.normalize("NFC", "".join(map(_letter, decomposed)))
    folded = "".join(f" {c} " if _is_word(c) else c for c in kept)
    # A symbol such as a ligature of a unit isn't part of the word before it.
    return f" {folded} " if unicodedata.category(first) == "So" or _KEYCAP in cluster else folded


def _letter(character: str) -> str:
    """What becomes of a character of a decomposed text: itself, others, a space or nothing."""
    if character in _SAME_LETTERS:
        return _SAME_LETTERS[character]
    if _IGNORED.match(character):
        return ""
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if character.isalnum() or category[0] == "M" or _is_word(character):
        return character
    return " "


def _is_word(character: str) -> bool:
    """Whether a character is a word of its own."""
    if character == _KEYCAP or _UNSPACED.match(character) or _EMOJI.match(character):
        return True
    if character in ("\u2800", _REPLACEMENT) or character.isascii():
        return False
    return unicodedata.category(character) == "So" or ord(character) in _EMOJI_BLOCKS
