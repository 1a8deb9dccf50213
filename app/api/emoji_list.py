"""The emoji that the web client offers, by group, from the data of the package ``emoji``."""

from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import emoji
import orjson

# Emoji newer than this are boxes on the systems of many users.
_NEWEST: Final = 15.0

_FIRST_FACE: Final = "\U0001f600"
_FULLY_QUALIFIED: Final = 2
_SKIN_TONES: Final = frozenset(map(chr, range(0x1F3FB, 0x1F400)))

_SMILEYS, _PEOPLE, _NATURE, _FOOD, _TRAVEL, _ACTIVITIES, _OBJECTS, _SYMBOLS, _FLAGS = range(9)
_NAMES: Final = (
    "Smileys",
    "People",
    "Animals and nature",
    "Food and drink",
    "Travel and places",
    "Activities",
    "Objects",
    "Symbols",
    "Flags",
)

# The package has no groups: from each code point on, emoji belong to the group beside it.
_STARTS: Final = (
    (0x0000, _SYMBOLS),
    (0x231A, _OBJECTS),
    (0x2328, _OBJECTS),
    (0x23CF, _SYMBOLS),
    (0x2600, _NATURE),
    (0x260E, _OBJECTS),
    (0x2611, _SYMBOLS),
    (0x2614, _NATURE),
    (0x261D, _PEOPLE),
    (0x2620, _SYMBOLS),
    (0x2639, _SMILEYS),
    (0x2640, _SYMBOLS),
    (0x2692, _OBJECTS),
    (0x26BD, _ACTIVITIES),
    (0x26C4, _NATURE),
    (0x26CE, _SYMBOLS),
    (0x26E9, _TRAVEL),
    (0x26F7, _PEOPLE),
    (0x26FA, _TRAVEL),
    (0x2702, _OBJECTS),
    (0x2705, _SYMBOLS),
    (0x2708, _TRAVEL),
    (0x2709, _OBJECTS),
    (0x270A, _PEOPLE),
    (0x270F, _OBJECTS),
    (0x2714, _SYMBOLS),
    (0x1F004, _ACTIVITIES),
    (0x1F170, _SYMBOLS),
    (0x1F1E6, _FLAGS),
    (0x1F201, _SYMBOLS),
    (0x1F300, _NATURE),
    (0x1F32D, _FOOD),
    (0x1F330, _NATURE),
    (0x1F345, _FOOD),
    (0x1F383, _ACTIVITIES),
    (0x1F393, _OBJECTS),
    (0x1F397, _ACTIVITIES),
    (0x1F399, _OBJECTS),
    (0x1F39F, _ACTIVITIES),
    (0x1F3A5, _OBJECTS),
    (0x1F3A6, _SYMBOLS),
    (0x1F3A7, _OBJECTS),
    (0x1F3AA, _ACTIVITIES),
    (0x1F3C2, _PEOPLE),
    (0x1F3C5, _ACTIVITIES),
    (0x1F3CA, _PEOPLE),
    (0x1F3CD, _TRAVEL),
    (0x1F3CF, _ACTIVITIES),
    (0x1F3D4, _TRAVEL),
    (0x1F3F3, _FLAGS),
    (0x1F3F5, _NATURE),
    (0x1F3F7, _OBJECTS),
    (0x1F3F8, _ACTIVITIES),
    (0x1F3F9, _OBJECTS),
    (0x1F400, _NATURE),
    (0x1F440, _PEOPLE),
    (0x1F451, _OBJECTS),
    (0x1F463, _PEOPLE),
    (0x1F479, _SMILEYS),
    (0x1F47C, _PEOPLE),
    (0x1F47D, _SMILEYS),
    (0x1F481, _PEOPLE),
    (0x1F484, _OBJECTS),
    (0x1F485, _PEOPLE),
    (0x1F488, _OBJECTS),
    (0x1F48B, _SMILEYS),
    (0x1F48D, _OBJECTS),
    (0x1F490, _NATURE),
    (0x1F491, _PEOPLE),
    (0x1F492, _TRAVEL),
    (0x1F493, _SMILEYS),
    (0x1F4A0, _SYMBOLS),
    (0x1F4A1, _OBJECTS),
    (0x1F4A2, _SMILEYS),
    (0x1F4AA, _PEOPLE),
    (0x1F4AB, _SMILEYS),
    (0x1F4B0, _OBJECTS),
    (0x1F500, _SYMBOLS),
    (0x1F507, _OBJECTS),
    (0x1F518, _SYMBOLS),
    (0x1F525, _NATURE),
    (0x1F526, _OBJECTS),
    (0x1F52F, _SYMBOLS),
    (0x1F54A, _NATURE),
    (0x1F54B, _TRAVEL),
    (0x1F54E, _SYMBOLS),
    (0x1F550, _TRAVEL),
    (0x1F56F, _OBJECTS),
    (0x1F574, _PEOPLE),
    (0x1F576, _OBJECTS),
    (0x1F577, _NATURE),
    (0x1F579, _OBJECTS),
    (0x1F57A, _PEOPLE),
    (0x1F587, _OBJECTS),
    (0x1F590, _PEOPLE),
    (0x1F5A4, _SMILEYS),
    (0x1F5A5, _OBJECTS),
    (0x1F5E3, _PEOPLE),
    (0x1F5E8, _SMILEYS),
    (0x1F5F3, _OBJECTS),
    (0x1F5FA, _TRAVEL),
    (0x1F600, _SMILEYS),
    (0x1F645, _PEOPLE),
    (0x1F648, _SMILEYS),
    (0x1F64B, _PEOPLE),
    (0x1F680, _TRAVEL),
    (0x1F6A3, _PEOPLE),
    (0x1F6A4, _TRAVEL),
    (0x1F6AA, _OBJECTS),
    (0x1F6AB, _SYMBOLS),
    (0x1F6B2, _TRAVEL),
    (0x1F6B3, _SYMBOLS),
    (0x1F6B4, _PEOPLE),
    (0x1F6B7, _SYMBOLS),
    (0x1F6BF, _OBJECTS),
    (0x1F6C0, _PEOPLE),
    (0x1F6C1, _OBJECTS),
    (0x1F6C2, _SYMBOLS),
    (0x1F6CB, _OBJECTS),
    (0x1F6D0, _SYMBOLS),
    (0x1F6D1, _TRAVEL),
    (0x1F7E0, _SYMBOLS),
    (0x1F90C, _PEOPLE),
    (0x1F90D, _SMILEYS),
    (0x1F918, _PEOPLE),
    (0x1F920, _SMILEYS),
    (0x1F926, _PEOPLE),
    (0x1F927, _SMILEYS),
    (0x1F930, _PEOPLE),
    (0x1F93F, _ACTIVITIES),
    (0x1F940, _NATURE),
    (0x1F941, _OBJECTS),
    (0x1F942, _FOOD),
    (0x1F945, _ACTIVITIES),
    (0x1F950, _FOOD),
    (0x1F970, _SMILEYS),
    (0x1F977, _PEOPLE),
    (0x1F978, _SMILEYS),
    (0x1F97B, _OBJECTS),
    (0x1F980, _NATURE),
    (0x1F9B4, _PEOPLE),
    (0x1F9BA, _OBJECTS),
    (0x1F9BB, _PEOPLE),
    (0x1F9BC, _TRAVEL),
    (0x1F9C0, _FOOD),
    (0x1F9CD, _PEOPLE),
    (0x1F9D0, _SMILEYS),
    (0x1F9D1, _PEOPLE),
    (0x1F9E0, _PEOPLE),
    (0x1F9E1, _SMILEYS),
    (0x1F9E2, _OBJECTS),
    (0x1FA80, _ACTIVITIES),
    (0x1FA8A, _OBJECTS),
    (0x1FAB0, _NATURE),
    (0x1FAC0, _PEOPLE),
    (0x1FACE, _NATURE),
    (0x1FAD0, _FOOD),
    (0x1FAE0, _SMILEYS),
    (0x1FAF0, _PEOPLE),
)
_CODES: Final = [start for start, _ in _STARTS]


@cache
def emoji_list() -> bytes:
    """Return ``[{"name", "emoji": [[character, name], …]}, …]`` as JSON, in a fixed order."""
    groups: list[list[tuple[str, str]]] = [[] for _ in _NAMES]
    for character, name in sorted(_offered(), key=_place):
        groups[_group_of(character)].append((character, name))
    return orjson.dumps(
        [{"name": name, "emoji": found} for name, found in zip(_NAMES, groups, strict=True)]
    )


def _place(item: tuple[str, str]) -> tuple[bool, str]:
    """Faces come before hearts and signs, everything else in the order of its code points."""
    character, _ = item
    return _group_of(character) == _SMILEYS and character < _FIRST_FACE, character


def _offered() -> Iterator[tuple[str, str]]:
    for character, facts in emoji.EMOJI_DATA.items():
        if facts["status"] != _FULLY_QUALIFIED or facts["E"] > _NEWEST:
            continue
        if not _SKIN_TONES.intersection(character):
            yield character, _name_of(facts)


def _name_of(facts: dict[str, Any]) -> str:
    names = dict.fromkeys([facts["en"], *facts.get("alias", ())])
    return " ".join(name.strip(":").replace("_", " ").lower() for name in names)


def _group_of(character: str) -> int:
    return _STARTS[bisect_right(_CODES, ord(character[0])) - 1][1]
