"""
What others wrote, as text for a terminal.

A terminal obeys control characters: what a message holds must neither move the cursor, set the
title nor change the order in which the line is read.
"""

import json
import unicodedata
from dataclasses import asdict
from datetime import datetime

from ..events import Event, MessageCreated, MessageDeleted, MessageEdited, Reset, RoomEvent

# Explicit directional formatting (Unicode Standard Annex 9, section 2) reaches beyond its text.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINES = frozenset("\u2028\u2029")


def printable(text: str, *, indent: str = "") -> str:
    """Text without what a terminal obeys; its own line breaks stay, followed by ``indent``."""
    lines = text.replace("\r\n", "\n").split("\n")
    return f"\n{indent}".join("".join(map(_shown, line)) for line in lines)


def _shown(character: str) -> str:
    if character == "\t":
        return " "
    kind = unicodedata.category(character)
    if kind in ("Cc", "Cs") or character in _BIDI or character in _LINES:
        return f"\\u{ord(character):04x}"
    return character


def as_json(event: RoomEvent) -> str:
    """An event as one line of JSON, without what a terminal obeys."""
    text = json.dumps(event.raw if isinstance(event, Event) else asdict(event), ensure_ascii=False)
    return "".join(map(_shown, text))


def time_of(at: datetime) -> str:
    """A time in the time zone of this machine."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M")


def line_of(event: RoomEvent) -> str | None:
    """An event as a line for people; None if there is nothing to show."""
    match event:
        case MessageCreated(text=str(text)):
            # As in `parley chat`: the number of the message that it answers.
            reply = "" if event.reply_to is None else f"↪{event.reply_to} "
            start = f"{time_of(event.at)} {event.by or 'operator'}: {reply}"
            return start + printable(text, indent=" " * 4)
        case MessageEdited(text=str(text)):
            start = f"{time_of(event.at)} {event.by or 'operator'} edited {event.ref}: "
            return start + printable(text, indent=" " * 4)
        case MessageDeleted():
            return f"{time_of(event.at)} {event.by or 'operator'} deleted {event.ref}"
        case Reset():
            return f"{event.room} can't be resumed ({event.reason}): it goes on at {event.head}"
    return None
