"""
Which forms of an emoji are the same emoji.

Keyboards add variation selectors or leave them out: U+2764 is a heart with and without U+FE0F.
Skin tones, joined parts, keycaps and flags make other emoji.
"""

from collections.abc import Iterator
from functools import cache

import emoji

_TEXT_STYLE, _EMOJI_STYLE = "\ufe0e", "\ufe0f"
# More than the longest form, with a selector behind each character.
_LONGEST = 20
_QUALIFIED = (emoji.STATUS["fully_qualified"], emoji.STATUS["component"])


def standard_emoji(text: str) -> str | None:
    """
    The one emoji that ``text`` is, as emoji keyboards send it; None if it is no single emoji.

    That is the fully qualified form of Unicode's emoji-test.txt.
    """
    return _by_bare_form().get(bare_emoji(text))


def bare_emoji(text: str) -> str:
    """``text`` without variation selectors: equal for all forms of an emoji."""
    return text.replace(_EMOJI_STYLE, "").replace(_TEXT_STYLE, "")


def split_emoji(text: str) -> Iterator[tuple[str, bool]]:
    """
    ``text`` in pieces, each with whether it is an emoji; the longest one at each place.

    A form with needless selectors is given as the standard one; others stay as they are.
    """
    plain = start = 0
    while start < len(text):
        end = _emoji_end(text, start)
        if end is None:
            start += 1
            continue
        if plain < start:
            yield text[plain:start], False
        found = text[start:end]
        yield found if found in emoji.EMOJI_DATA else _by_bare_form()[bare_emoji(found)], True
        plain = start = end
    if plain < len(text):
        yield text[plain:], False


def _emoji_end(text: str, start: int) -> int | None:
    if bare_emoji(text[start]) not in _first_characters():
        return None
    for end in range(min(len(text), start + _LONGEST), start, -1):
        if bare_emoji(text[start:end]) in _by_bare_form():
            return end
    return None


@cache
def _first_characters() -> frozenset[str]:
    return frozenset(form[0] for form in _by_bare_form())


@cache
def _by_bare_form() -> dict[str, str]:
    return {
        bare_emoji(form): form
        for form, facts in emoji.EMOJI_DATA.items()
        if facts["status"] in _QUALIFIED
    }
