"""
Where mentions begin and end in a text: the rule of ``docs/text.md``.

Usernames contain dots, hyphens and underscores, with which people also go on after a name. So a
mention is of the longest name that a member has: which one, only the decision knows.
"""

import re
from collections.abc import Callable, Collection
from itertools import islice
from typing import TypedDict

from .characters import UNSPACED
from .ids import UserId
from .limits import (
    MAX_MENTIONS_PER_MESSAGE,
    MAX_NAMES_PER_MENTION,
    MAX_PRESENT_MENTIONED,
    MAX_USERNAME_CHARACTERS,
)
from .quoted_code import without_code

# Part of a word whose letters are written together: a name can't begin or end inside it.
_LETTER, _ACCENT = f"[^\\W{UNSPACED}]", "[\u0300-\u036f]"
# Underscores are emphasis, unless a word is before them. Japanese keyboards write a wide sign.
_MENTION = re.compile(
    f"(?<!{_LETTER})(?<!{_ACCENT})(?<![@\uff20])_*[@\uff20](?P<run>[A-Za-z0-9][A-Za-z0-9_.-]*)"
)
_WORD_GOES_ON = re.compile(f"{_LETTER}|{_ACCENT}")
# Addresses, in which an at sign is no mention: https://example.org/@ben, example.org/@ben,
# @ben@example.org.
_ADDRESS = re.compile(
    r"://[^\s<>\"]*"
    r"|(?<![\w.@-])(?:[\w-]+\.)+[A-Za-z]{2,}/[^\s<>\"]*"
    r"|@[\w.-]+@(?:[\w-]+\.)+[\w-]+"
)
ROOM = "all"
"""The name by which a message mentions the whole room."""

HERE = "here"
"""The name by which a message mentions those members who are present when it is sent."""

_LAST_WORD = re.compile(r"[A-Za-z0-9]+\Z")
_CUT = re.compile(r"[.-]+")
_MARKS = "_.-"


def mentioned(text: str) -> list[str]:
    """
    The mentions in ``text``: lower-cased, each once, in order.

    At most ``MAX_MENTIONS_PER_MESSAGE``. Each is the longest name that it may mean; whether such
    users exist is not checked. See :func:`possible_names`.
    """
    if "@" not in text and "\uff20" not in text:
        return []
    prose = _ADDRESS.sub(" ", without_code(text))
    found: dict[str, None] = {}
    for match in _MENTION.finditer(prose):
        name = match["run"]
        if _WORD_GOES_ON.match(prose, match.end()):
            name = _LAST_WORD.sub("", name)
        if name := _longest_name(name):
            found[name] = None
            if len(found) == MAX_MENTIONS_PER_MESSAGE:
                break
    return list(found)


_NO_ONE: frozenset[UserId] = frozenset()


class MentionFields(TypedDict):
    """What an append says of the mentions in its text."""

    mentions: list[str]
    present: frozenset[UserId]


def mention_fields(text: str, present: Callable[[], Collection[UserId]]) -> MentionFields:
    """
    The mentions in ``text``, for :class:`app.domain.appends.Send` and ``Edit``.

    Args:
        present: Returns who is in the room now. Called only if the text may mention them.

    """
    mentions = mentioned(text)
    if not mentions:
        return {"mentions": mentions, "present": _NO_ONE}
    may_mention = any(HERE in possible_names(mention) for mention in mentions)
    return {
        "mentions": mentions,
        "present": frozenset(islice(present(), MAX_PRESENT_MENTIONED) if may_mention else ()),
    }


def possible_names(mention: str) -> list[str]:
    """
    The usernames that ``mention`` may mean, the longest first.

    Shorter ones end before a dot or a hyphen: "@ben.See" and "@ben--please" may be of ben.
    """
    cuts = [mention[: cut.start()].rstrip(_MARKS) for cut in _CUT.finditer(mention)]
    return list(dict.fromkeys([mention, *reversed(cuts[: MAX_NAMES_PER_MENTION - 1])]))


def _longest_name(run: str) -> str:
    # No name has two dots in a row, or one of the marks at its end.
    name = run.partition("..")[0].rstrip(_MARKS).lower()
    if len(name) <= MAX_USERNAME_CHARACTERS:
        return name
    # The mark behind the longest possible name may be the last cut.
    cuts = [cut.start() for cut in _CUT.finditer(name[: MAX_USERNAME_CHARACTERS + 1])]
    return name[: cuts[-1]].rstrip(_MARKS) if cuts else ""
