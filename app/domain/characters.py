"""
What single characters mean here: which show nothing, which are written without spaces, which
forms of a password are one.

The one place that lists characters of Unicode; ``docs/text.md`` states the policy.
"""

import re
import unicodedata

# Shows nothing, alone or together: white space, control and format characters, default-ignorable
# code points (Unicode 15.1, DerivedCoreProperties.txt), and letters and symbols that are blank by
# design. The few format characters that are drawn, such as the Arabic number sign, are not here.
_INVISIBLE = (
    "\x00-\x20\x7f-\xa0\xad"
    "\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    "\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    "\u2800\u3000\u3164"  # blanks: of braille, between ideographs, of Hangul
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U00013430-\U0001343f\U00013441\U00013442\U00016fe4\U0001bca0-\U0001bca3"
    "\U0001d159\U0001d173-\U0001d17a"  # of music: the null note head, and begins and ends
    "\U000e0000-\U000e0fff"  # tags and further variation selectors
)

# Scripts that are written without spaces between words or, as Korean, that attach endings to any
# word, and symbols that stand for a word.
UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f\u1780-\u17ff"  # Myanmar, Khmer
    "\u1950-\u19df\u1a20-\u1aaf\uaa80-\uaadf"  # Tai Le, New Tai Lue, Tai Tham, Tai Viet
    "\u1b00-\u1b7f\ua980-\ua9df"  # Balinese, Javanese
    "\u2600-\u27bf"  # symbols and dingbats
    "\u2e80-\u2fff\u3005-\u3007\u3021-\u3029\u3040-\u318f\u31a0-\u31ff"  # kana, bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff"  # Hangul
    "\ua000-\ua4cf"  # Yi
    "\uff66-\uff9f"  # half-width kana
    "\U0001f000-\U0001faff"  # emoji
    "\U00016fe0-\U00018dff\U0001aff0-\U0001b2ff"  # Tangut, Khitan, more kana, Nushu
    "\U00020000-\U0003ffff"  # more Han
)
"""Ranges for a character class of a regular expression."""

_INVISIBLE_BUT_SPACE = re.compile(f"(?! )[{_INVISIBLE}]")
# What ends an emoji stays with it: selectors and tags.
_ENDS_EMOJI = re.compile("[\u180b-\u180f\ufe00-\ufe0f\U000e0000-\U000e0fff]")
# The category Zs.
_SPACE = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_VISIBLE = re.compile(f"[^{_INVISIBLE}]")


def shows_something(text: str) -> bool:
    """
    Whether a reader sees anything of ``text``.

    A joiner inside an emoji or a word doesn't make it invisible; a text of nothing else is.
    """
    return _VISIBLE.search(text) is not None


def has_invisible(text: str) -> bool:
    """Whether ``text`` has a character that shows nothing, other than plain spaces."""
    return _INVISIBLE_BUT_SPACE.search(text) is not None


def cut_invisible(text: str) -> str:
    """``text`` without what shows nothing at its start and end, such as keyboards add."""
    first = _VISIBLE.search(text)
    if first is None:
        return ""
    end = len(text)
    while not _VISIBLE.match(text, end - 1) and not _ENDS_EMOJI.match(text, end - 1):
        end -= 1
    return text[first.start() : end]


def normalized_password(text: str) -> str:
    """
    ``text`` as it is hashed: with plain spaces, and composed (NFC).

    The rules of the OpaqueString profile (RFC 8265, section 4.2.2), without its refusals: people
    have passwords with control characters.
    """
    return unicodedata.normalize("NFC", _SPACE.sub(" ", text))
