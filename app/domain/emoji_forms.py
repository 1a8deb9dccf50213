"""
Which forms of an emoji are the same emoji.

Keyboards add variation selectors or leave them out: U+2764 is a heart with and without U+FE0F.
Skin tones, joined parts, keycaps and flags make other emoji.
"""

from functools import cache

import emoji

_TEXT_STYLE, _EMOJI_STYLE = "\ufe0e", "\ufe0f"
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


@cache
def _by_bare_form() -> dict[str, str]:
    return {
        bare_emoji(form): form
        for form, facts in emoji.EMOJI_DATA.items()
        if facts["status"] in _QUALIFIED
    }
