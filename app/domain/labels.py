"""
What people call things: titles of rooms and display names. One rule for both.

Two of them that look the same are the same, and none breaks a line, reorders what is around it or
hides something. The rule follows the Nickname profile (RFC 8266) and UTS #39, and is described in
``docs/text.md``. Names that identify, of users and rooms, are ASCII: see :mod:`app.domain.names`.
"""

import re
import unicodedata

from .characters import cut_invisible, has_invisible
from .emoji_forms import split_emoji
from .errors import Invalid
from .limits import MAX_DISPLAY_NAME_CHARACTERS, MAX_MARKS_IN_A_ROW, MAX_TITLE_CHARACTERS
from .lookalikes import mixes_directions, mixes_lookalikes
from .text import unstorable_reason

_SPACES = re.compile("[ \xa0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
# Letters that differ only in how they are drawn: wide ones, those of mathematics, ligatures,
# shapes of Arabic letters.
_DRAWINGS = ("<wide>", "<narrow>", "<font>", "<initial>", "<medial>", "<final>", "<isolated>")
# Joiners that change how letters are drawn: between Arabic letters, and behind viramas. Selectors
# of the variants of Han and Mongolian letters.
_JOINING = re.compile(
    "(?<=[\u0620-\u06ff\u0750-\u077f\u08a0-\u08c9])\u200c(?=[\u0620-\u06ff\u0750-\u077f\u08a0-\u08c9])"
    "|(?<=[\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca])[\u200c\u200d]"
    "|(?<=[\u3400-\u9fff\U00020000-\U0003ffff])[\ufe00-\ufe02\U000e0100-\U000e01ef]"
    "|(?<=[\u1820-\u18aa])[\u180b-\u180d\u180f]"
)
# Private use, annotations, replacement characters, noncharacters: a font may draw anything.
_NO_CHARACTER = re.compile(
    "[\ue000-\uf8ff\ufff9-\uffff\ufdd0-\ufdef\U000f0000-\U0010ffff"
    + "".join(chr(plane << 16 | last) for plane in range(1, 15) for last in (0xFFFE, 0xFFFF))
    + "]"
)


def title(text: str) -> str:
    """
    The title of a room as it is stored; may be empty.

    Raises:
        Invalid: If a title can't be like this.

    """
    return _label(text, "title", MAX_TITLE_CHARACTERS)


def display_name(text: str) -> str:
    """
    The display name of a user as it is stored.

    Raises:
        Invalid: If a display name can't be like this.

    """
    name = _label(text, "display_name", MAX_DISPLAY_NAME_CHARACTERS)
    if not name:
        raise Invalid.field("display_name", "is empty")
    return name


def _label(text: str, field: str, max_characters: int) -> str:
    reason = unstorable_reason(text)
    if reason is None:
        text = _normalized(text)
        reason = _reason(text)
    if reason is None and len(text) > max_characters:
        reason = f"is longer than {max_characters} characters"
    if reason is not None:
        raise Invalid.field(field, reason)
    return text


def _normalized(text: str) -> str:
    """One form for all that look the same: see RFC 8266, section 2.1."""
    pieces = [
        piece if is_emoji else "".join(map(_plain, piece))
        for piece, is_emoji in split_emoji(cut_invisible(text))
    ]
    return unicodedata.normalize("NFC", _SPACES.sub(" ", "".join(pieces)))


def _plain(character: str) -> str:
    tag, _, _ = unicodedata.decomposition(character).partition(" ")
    is_ligature = tag == "<compat>" and character.isalpha()
    if tag in _DRAWINGS or is_ligature:
        return unicodedata.normalize("NFKC", character)
    return character


def _reason(text: str) -> str | None:
    """Why a normalised text is no label; None if it is one."""
    words = "".join(" " if is_emoji else piece for piece, is_emoji in split_emoji(text))
    if has_invisible(_JOINING.sub("", words)):
        return "contains a line break, or a character that is not visible"
    if _NO_CHARACTER.search(words):
        return "contains a code point that is no character"
    if _stacks_marks(words):
        return "contains a mark without a letter, or too many on one"
    if mixes_lookalikes(words):
        return "mixes letters of two alphabets that look alike in one word"
    if mixes_directions(words):
        return "mixes letters of two directions in one word"
    return None


def _stacks_marks(text: str) -> bool:
    in_a_row, before = 0, " "
    for character in text:
        is_mark = unicodedata.category(character) in ("Mn", "Me")
        in_a_row = in_a_row + 1 if is_mark else 0
        if in_a_row > MAX_MARKS_IN_A_ROW or (is_mark and before == " "):
            return True
        before = character
    return False
