"""What texts can be stored. Checked before a request is queued."""


def unstorable_reason(text: str) -> str | None:
    """Why ``text`` can't be stored, or None if it can. PostgreSQL rejects NUL in a text."""
    if "\0" in text:
        return "contains a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "contains a lone surrogate"
    return None
