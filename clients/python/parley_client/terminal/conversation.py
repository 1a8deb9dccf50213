"""What a person sees of one room: its messages in their present form. No I/O, no widgets."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..events import (
    Event,
    MessageCreated,
    MessageDeleted,
    MessageEdited,
    ReactionAdded,
    ReactionRemoved,
    Reset,
    RoomEvent,
    parse_time,
)
from .text import printable

MAX_MESSAGES = 2_000
"""Messages of a room that are kept for the screen. Older ones can be read again."""


@dataclass(slots=True)
class Message:
    """One message, as it is now."""

    seq: int
    at: datetime
    by: str | None
    text: str | None
    edited: bool = False
    reply_to: int | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)

    def line(self) -> str:
        """As a line for people, without what a terminal obeys."""
        time = self.at.astimezone().strftime("%H:%M")
        text = "(deleted)" if self.text is None else printable(self.text, indent=" " * 6)
        more = " (edited)" if self.edited and self.text is not None else ""
        reply = "" if self.reply_to is None else f"↪{self.reply_to} "
        reacted = "".join(
            f"  {printable(emoji)} {len(users)}"
            for emoji, users in self.reactions.items()
            if users
        )
        return f"{time} {self.by or 'operator'}: {reply}{text}{more}{reacted}"


class Conversation:
    """
    The messages of a room, from its events and from pages of its history.

    Every event sets something: applying one twice changes nothing.
    """

    def __init__(self, room: str) -> None:
        self.room = room
        self.unread = 0
        """Messages of others since the room was last looked at."""
        self.has_older = True
        """Whether there may be older messages on the server."""
        self._messages: dict[int, Message] = {}

    @property
    def messages(self) -> list[Message]:
        """Oldest first."""
        return [self._messages[seq] for seq in sorted(self._messages)]

    @property
    def oldest(self) -> int | None:
        """The number of the oldest message here."""
        return min(self._messages, default=None)

    def last_of(self, user: str | None) -> Message | None:
        """The newest message that is not deleted: of a user, or of anybody."""
        for message in reversed(self.messages):
            if message.text is not None and user in (None, message.by):
                return message
        return None

    def apply(self, event: RoomEvent, me: str) -> bool:
        """Apply an event; return whether something to see has changed."""
        match event:
            case Reset():
                self._messages.clear()
                self.has_older = True
            case MessageCreated():
                self._put(_from_event(event))
                if event.by != me:
                    self.unread += 1
            case MessageEdited(ref=ref) if ref in self._messages:
                self._messages[ref].text = event.text
                self._messages[ref].edited = True
            case MessageDeleted(ref=ref) if ref in self._messages:
                self._messages[ref].text = None
                self._messages[ref].reactions.clear()
            case ReactionAdded(ref=ref) if ref in self._messages:
                users = self._messages[ref].reactions.setdefault(event.emoji, [])
                if event.by is not None and event.by not in users:
                    users.append(event.by)
            case ReactionRemoved(ref=ref) if ref in self._messages:
                users = self._messages[ref].reactions.get(event.emoji, [])
                if event.by in users:
                    users.remove(event.by)
            case Event():
                return False
        return True

    def add_page(self, page: Iterable[Mapping[str, Any]]) -> int:
        """Add older messages as HTTP has them; return how many were new."""
        before = len(self._messages)
        found = list(page)
        self.has_older = bool(found)
        for each in found:
            if each["seq"] not in self._messages:
                self._messages[each["seq"]] = Message(
                    seq=each["seq"],
                    at=parse_time(each["at"]),
                    by=each["by"],
                    text=each["text"],
                    edited=each.get("edited_at") is not None,
                    reply_to=each.get("reply_to"),
                    reactions={key: list(users) for key, users in each["reactions"].items()},
                )
        return len(self._messages) - before

    def _put(self, message: Message) -> None:
        self._messages.setdefault(message.seq, message)
        if len(self._messages) > MAX_MESSAGES:
            del self._messages[min(self._messages)]
            self.has_older = True


def _from_event(event: MessageCreated) -> Message:
    reactions = event.raw.get("reactions") or {}
    return Message(
        seq=event.seq,
        at=event.at,
        by=event.by,
        text=event.text,
        edited=event.edited_at is not None,
        reply_to=event.reply_to,
        reactions={emoji: list(users) for emoji, users in reactions.items()},
    )
