"""
Everything that a batch of appends may ask about, as it is *now*: loaded once per transaction,
changed by each decision in order, so that the next one sees it. What has changed is written
at the end.

Nothing here is half-done: a decision first checks, then changes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from app.domain.errors import MessageNotFound
from app.domain.events import Event, EventType
from app.domain.ids import Millis, RoomId, Seq, UserId
from app.domain.roles import Kind, Role

FOREVER = Millis(253_402_300_799_999)
"""The end of year 9999: a ban or mute without an end."""


@dataclass(slots=True)
class RoomState:
    """A room as the batch has made it so far."""

    id: RoomId
    name: str
    title: str
    kind: Kind
    head: int
    first: int
    slow_mode_seconds: int
    created_at: Millis
    archived_at: Millis | None
    direct_key: str | None = None
    is_new: bool = False
    head_before: int = 0
    """Where the batch's own events begin."""
    changed: bool = False
    """Whether more than ``head`` has changed."""


@dataclass(slots=True)
class Person:
    """A user, and what they are in one room."""

    room: RoomId
    user: UserId
    username: str
    is_admin: bool
    disabled: bool
    role: Role | None = None
    joined_at: Millis | None = None
    banned_until: Millis | None = None
    muted_until: Millis | None = None
    read_seq: int = 0
    last_sent_at: Millis | None = None
    blocked: bool = False
    """In a direct room: the other one has blocked this one."""
    changed: bool = False

    def is_banned(self, at: int) -> bool:
        """Whether a ban holds at ``at``."""
        return self.banned_until is not None and self.banned_until > at

    def is_muted(self, at: int) -> bool:
        """Whether a mute holds at ``at``."""
        return self.muted_until is not None and self.muted_until > at


@dataclass(slots=True)
class Message:
    """A message as it is now. ``said`` is its first wording; None once deleted."""

    room: RoomId
    seq: Seq
    by: UserId | None
    said: str | None
    edited_text: str | None = None
    edited_at: Millis | None = None
    deleted_at: Millis | None = None
    pinned_at: Millis | None = None
    mentions: list[UserId] | None = None
    """Whom it mentions from now on; None: as before."""
    reactions: dict[str, set[UserId]] = field(default_factory=dict)
    changed: bool = False

    @property
    def text(self) -> str | None:
        """The wording of now."""
        return self.said if self.edited_text is None else self.edited_text


@dataclass(slots=True)
class WorkingSet:
    """What was loaded for one batch, and what the batch has done to it."""

    rooms: dict[RoomId, RoomState] = field(default_factory=dict)
    room_names: dict[str, RoomId] = field(default_factory=dict)
    """Rooms that exist among the names which the batch wants to create."""
    direct_rooms: dict[str, RoomId] = field(default_factory=dict)
    """By direct key."""
    blocks: set[tuple[UserId, UserId]] = field(default_factory=set)
    """(who blocks, who is blocked), of those who open direct rooms."""
    people: dict[tuple[RoomId, UserId], Person] = field(default_factory=dict)
    """``RoomId(0)`` holds users regardless of a room, for rooms yet to be made."""
    owners: dict[RoomId, set[UserId]] = field(default_factory=dict)
    """Of the rooms where somebody may cease to be one."""
    keys: dict[tuple[RoomId, UserId | None, str], Event] = field(default_factory=dict)
    messages: dict[tuple[RoomId, int], Message] = field(default_factory=dict)
    mentionable: dict[tuple[RoomId, str], UserId] = field(default_factory=dict)
    room_ids: Iterator[RoomId] = field(default_factory=lambda: iter(()))
    """Ids for new rooms."""

    events: list[Event] = field(default_factory=list)
    """What the batch appends, in order."""
    reactions_added: list[tuple[RoomId, int, str, UserId, int]] = field(default_factory=list)
    """(room, message, emoji, user, seq of the event)."""
    reactions_removed: list[tuple[RoomId, int, str, UserId]] = field(default_factory=list)

    def append(
        self,
        room: RoomState,
        kind: EventType,
        by: UserId | None,
        at: Millis,
        *,
        ref: int | None = None,
        text: str | None = None,
        data: dict[str, Any] | None = None,
        client_id: str | None = None,
    ) -> Event:
        """Take the room's next number for an event."""
        room.head += 1
        # The value: SQLite's driver and the encoder know a plain text at once.
        event = Event(room.id, Seq(room.head), kind.value, by, at, ref, text, data, client_id)
        self.events.append(event)
        if client_id is not None:
            self.keys[room.id, by, client_id] = event
        return event

    def message(self, room: RoomState, seq: int) -> Message:
        """
        The message with this number, whether it was there before or the batch made it.

        Raises:
            MessageNotFound: If the number is not that of a message.

        """
        found = self.messages.get((room.id, seq))
        if found is None and seq > room.head_before:
            found = self._made_now(room, seq)
        if found is None:
            raise MessageNotFound
        return found

    def _made_now(self, room: RoomState, seq: int) -> Message | None:
        for event in self.events:
            if event.room == room.id and event.seq == seq:
                if event.type != EventType.MESSAGE_CREATED:
                    return None
                made = Message(room.id, event.seq, event.by, event.text)
                self.messages[room.id, seq] = made
                return made
        return None
