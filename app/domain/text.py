"""Rules for texts: what can be stored, titles, mentions. Checked before a request is queued."""

import re

from .errors import Invalid
from .limits import MAX_MENTIONS_PER_MESSAGE, MAX_TITLE_CHARACTERS


def unstorable_reason(text: str) -> str | None:
    """Why ``text`` can't be stored, or None if it can. PostgreSQL rejects NUL in a text."""
    if "\0" in text:
        return "contains a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "contains a lone surrogate"
    return None


def title(text: str) -> str:
    """
    The title of a room: ``text`` without surrounding whitespace.

    Raises:
        Invalid: If it is too long or can't be stored.

    """
    reason = unstorable_reason(text)
    if reason is None and len(text) > MAX_TITLE_CHARACTERS:
        reason = f"is longer than {MAX_TITLE_CHARACTERS} characters"
    if reason is not None:
        raise Invalid.field("title", reason)
    return text.strip()


_MENTION = re.compile(r"(?<![\w@.])@([a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?)", re.ASCII | re.IGNORECASE)


def mentioned(text: str) -> list[str]:
    """
    The usernames after an ``@`` in ``text``: lower-cased, each once, in order.

    At most ``MAX_MENTIONS_PER_MESSAGE``; whether such users exist is not checked.
    """
    if "@" not in text:
        return []
    names = dict.fromkeys(name.lower() for name in _MENTION.findall(text))
    return list(names)[:MAX_MENTIONS_PER_MESSAGE]
