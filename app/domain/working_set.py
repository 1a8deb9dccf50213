"""
The state that a batch of appends is decided against.

It is loaded once per transaction. Each decision changes it, in order, so that the next one sees
the result; what has changed is written at the end. A decision checks everything before it changes
anything, so a refused one leaves no trace.

Owned by the writer's thread for the length of one transaction; not thread-safe.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from .errors import MessageNotFound
from .events import Event, EventType
from .ids import Millis, RoomId, Seq, UserId
from .roles import ROOM_MENTION_ROLE, Kind, Role

FOREVER = Millis(253_402_300_799_999)
"""The end of the year 9999: stands for a ban or mute without an end."""

NO_ROOM = RoomId(0)
"""Stands for users regardless of a room, and in requests whose room does not exist yet."""


@dataclass(slots=True)
class RoomState:
    """A room as of the last decision of the batch."""

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
    room_mention_role: Role = ROOM_MENTION_ROLE
    """The lowest role that may mention the whole room."""
    room_mentions_full_at: Millis = Millis(0)
    """When the room may be mentioned as often at once as it ever may."""
    is_new: bool = False
    head_before: int = 0
    """The head before the batch: events above it are the batch's own."""
    changed: bool = False
    """Whether a column other than ``head`` has changed."""


@dataclass(slots=True)
class Person:
    """A user in one room, member or not. ``role`` is None for a non-member."""

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
    """In a direct room: the other user has blocked this one."""
    changed: bool = False

    def is_banned(self, at: int) -> bool:
        """Whether a ban is in force at ``at``."""
        return self.banned_until is not None and self.banned_until > at

    def is_muted(self, at: int) -> bool:
        """Whether a mute is in force at ``at``."""
        return self.muted_until is not None and self.muted_until > at


@dataclass(slots=True)
class Message:
    """A message as of the last decision of the batch."""

    room: RoomId
    seq: Seq
    by: UserId | None
    original_text: str | None
    """The text as first sent; None once deleted."""
    edited_text: str | None = None
    edited_at: Millis | None = None
    deleted_at: Millis | None = None
    pinned_at: Millis | None = None
    mentions: list[UserId] | None = None
    """The mentions to store; None leaves them unchanged."""
    mentions_room: str | None = None
    """``all``, or ``here`` for :attr:`mentioned_present`."""
    mentioned_present: frozenset[UserId] = frozenset()
    """Users who were present when the text mentioned them so."""
    reactions: dict[str, set[UserId]] = field(default_factory=dict)
    changed: bool = False

    @property
    def text(self) -> str | None:
        """The current text; None once deleted."""
        return self.original_text if self.edited_text is None else self.edited_text


@dataclass(slots=True)
class WorkingSet:
    """What was loaded for one batch, and what the batch changes and appends."""

    rooms: dict[RoomId, RoomState] = field(default_factory=dict)
    room_names: dict[str, RoomId] = field(default_factory=dict)
    """Existing rooms among the names that the batch creates."""
    direct_rooms: dict[str, RoomId] = field(default_factory=dict)
    """By :attr:`RoomState.direct_key`."""
    blocks: set[tuple[UserId, UserId]] = field(default_factory=set)
    """(blocker, blocked), for those whom a caller opens a room with, adds to one or mentions."""
    people: dict[tuple[RoomId, UserId], Person] = field(default_factory=dict)
    """Under :data:`NO_ROOM` are users regardless of a room, for rooms that the batch creates."""
    locked_elsewhere: set[RoomId] = field(default_factory=set)
    """Rooms of the batch that another node has locked: nothing may be decided in them."""
    owners: dict[RoomId, set[UserId]] = field(default_factory=dict)
    """The owners of the rooms where the batch may remove one."""
    keys: dict[tuple[RoomId, UserId | None, str], Event] = field(default_factory=dict)
    """Events by room, user and client id: what a retry is recognised by."""
    messages: dict[tuple[RoomId, int], Message] = field(default_factory=dict)
    mentionable: dict[tuple[RoomId, str], UserId] = field(default_factory=dict)
    """Members by room and username."""
    room_ids: Iterator[RoomId] = field(default_factory=lambda: iter(()))
    """Ids for new rooms, reserved from the database."""

    events: list[Event] = field(default_factory=list)
    """The events that the batch appends, in order."""
    mentioned_present: dict[tuple[RoomId, int], frozenset[UserId]] = field(default_factory=dict)
    """Whom appended messages mention by being present, by room and seq of the message."""
    reactions_added: list[tuple[RoomId, int, str, UserId, int]] = field(default_factory=list)
    """(room, seq of the message, emoji, user, seq of the event)."""
    reactions_removed: list[tuple[RoomId, int, str, UserId]] = field(default_factory=list)
    """(room, seq of the message, emoji, user)."""

    def message(self, room: RoomState, seq: int) -> Message:
        """
        The message with this ``seq``, from before the batch or created by it.

        Raises:
            MessageNotFound: If the event with this ``seq`` is not a message, or doesn't exist.

        """
        found = self.messages.get((room.id, seq))
        if found is None and seq > room.head_before:
            found = self._created_in_batch(room, seq)
        elif found is not None and seq < room.first and found.pinned_at is None:
            # Kept by retention while it was pinned.
            found = None
        if found is None:
            raise MessageNotFound
        return found

    def _created_in_batch(self, room: RoomState, seq: int) -> Message | None:
        for event in self.events:
            if event.room == room.id and event.seq == seq:
                if event.type != EventType.MESSAGE_CREATED:
                    return None
                message = Message(room.id, event.seq, event.by, event.text)
                message.mentions_room = (event.data or {}).get("mentions_room")
                message.mentioned_present = self.mentioned_present.get((room.id, seq), frozenset())
                self.messages[room.id, seq] = message
                return message
        return None
