"""Rules for texts: what can be stored, titles. Checked before a request is queued."""

from .errors import Invalid
from .limits import MAX_TITLE_CHARACTERS


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
