"""What a text may hold: checked at the edge, so that no later step can fail on it."""

import re

from app.domain.errors import Invalid
from app.domain.limits import MAX_MENTIONS_PER_MESSAGE, MAX_TEXT_CHARACTERS, MAX_TITLE_CHARACTERS


def fault(text: str) -> str | None:
    """Why ``text`` can't be stored on every engine, or None: PostgreSQL refuses NUL."""
    if "\0" in text:
        return "holds a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds a lone surrogate"
    return None


def message_text(text: str, field: str = "text") -> str:
    """
    ``text`` as it was sent, if it can be a message.

    Raises:
        Invalid: If it is empty, only whitespace, too long or can't be stored.

    """
    why = fault(text)
    if why is None and len(text) > MAX_TEXT_CHARACTERS:
        why = f"is longer than {MAX_TEXT_CHARACTERS:,} characters"
    if why is None and not text.strip():
        why = "is empty"
    if why is not None:
        raise Invalid.field(field, why)
    return text


def title(text: str) -> str:
    """
    A room's title, without the white space around it.

    Raises:
        Invalid: If it is too long or can't be stored.

    """
    why = fault(text)
    if why is None and len(text) > MAX_TITLE_CHARACTERS:
        why = f"is longer than {MAX_TITLE_CHARACTERS} characters"
    if why is not None:
        raise Invalid.field("title", why)
    return text.strip()


_MENTION = re.compile(r"(?<![\w@.])@([a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?)", re.ASCII | re.IGNORECASE)


def mentioned(text: str) -> list[str]:
    """Usernames after an ``@`` in ``text``, lower-cased, each once, in order; bounded."""
    if "@" not in text:
        return []
    names = dict.fromkeys(name.lower() for name in _MENTION.findall(text))
    return list(names)[:MAX_MENTIONS_PER_MESSAGE]
