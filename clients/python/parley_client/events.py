"""
What happens in a room, as typed values.

Every event has a ``seq``: it is in the room's log, and a client that resumes gets it. The
fields are those of docs/protocol.md, section 2.3; ``raw`` is the whole frame.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of events. Also one of a type that this version doesn't know: skip it."""

    type: str
    room: str
    seq: int
    at: datetime
    by: str | None
    """The user who did it; None: the operator."""
    raw: Mapping[str, Any] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCreated(Event):
    """A message. Its ``seq`` is its id in the room."""

    text: str | None
    """None: it was deleted."""
    id: str | None = None
    """The id with which it was sent: tells a client its own messages."""
    reply_to: int | None = None
    mentions: Sequence[str] = ()
    mentions_room: str | None = None
    """``"all"``: it mentions all members of the room."""
    data: Mapping[str, Any] | None = None
    edited_at: datetime | None = None
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdited(Event):
    """Message ``ref`` has another text."""

    ref: int
    text: str | None
    mentions: Sequence[str] = ()
    mentions_room: str | None = None
    """``"all"``: it mentions all members of the room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDeleted(Event):
    """Message ``ref`` of ``author`` was deleted."""

    ref: int
    author: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionAdded(Event):
    """``by`` has reacted to message ``ref``."""

    ref: int
    emoji: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionRemoved(Event):
    """``by`` has taken a reaction to message ``ref`` back."""

    ref: int
    emoji: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePinned(Event):
    """Message ``ref`` is pinned."""

    ref: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageUnpinned(Event):
    """Message ``ref`` is no longer pinned."""

    ref: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomCreated(Event):
    """The first event of a room. ``by`` is its owner."""

    title: str
    kind: str
    slow_mode_seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomUpdated(Event):
    """What has changed is set; the rest is None."""

    title: str | None = None
    slow_mode_seconds: int | None = None
    room_mention_role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomArchived(Event):
    """The room can only be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomReopened(Event):
    """The room can be written in again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberJoined(Event):
    """``user`` became a member."""

    user: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLeft(Event):
    """``user`` is no longer a member: left, removed or banned."""

    user: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberUpdated(Event):
    """``role``, ``muted_until`` or ``banned_until`` of ``user``: those that changed are in
    ``raw``, and None there means lifted."""

    user: str | None
    role: str | None = None
    muted_until: datetime | None = None
    banned_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserErased(Event):
    """The account ``user`` was erased: what it did is by ``as_user`` from now on."""

    user: str | None
    as_user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """
    The client could not resume: drop what you hold of the room. It continues by itself.

    ``reason`` is ``epoch`` or ``ahead`` (another history: a backup was restored; the newest
    messages follow) or ``gone`` (the events up to ``first`` were removed; the rest follows).
    """

    type: str = field(default="reset", init=False)
    room: str
    reason: str
    head: int
    first: int
    epoch: str


RoomEvent = Event | Reset
"""What iterating over a room yields."""

_CLASSES: Final[Mapping[str, type[Event]]] = {
    "message.created": MessageCreated,
    "message.edited": MessageEdited,
    "message.deleted": MessageDeleted,
    "reaction.added": ReactionAdded,
    "reaction.removed": ReactionRemoved,
    "message.pinned": MessagePinned,
    "message.unpinned": MessageUnpinned,
    "room.created": RoomCreated,
    "room.updated": RoomUpdated,
    "room.archived": RoomArchived,
    "room.reopened": RoomReopened,
    "member.joined": MemberJoined,
    "member.left": MemberLeft,
    "member.updated": MemberUpdated,
    "user.erased": UserErased,
}
_EVENTS: Final[Sequence[type[Event]]] = (Event, *_CLASSES.values())
_FIELDS: Final = {cls: fields(cls) for cls in _EVENTS}
_TIMES: Final = frozenset({"at", "edited_at", "deleted_at", "muted_until", "banned_until"})
# The time of an event of another version that has none.
_NO_TIME: Final = datetime.fromtimestamp(0, UTC)


def parse_event(frame: Mapping[str, Any]) -> Event:
    """
    The event in a frame that has a ``type``, a ``room`` and a ``seq``. Never raises.

    A known type without the fields that it must have comes from a server of another version, and
    is a plain :class:`Event`.
    """
    try:
        return _build(_CLASSES.get(frame["type"], Event), frame)
    except (KeyError, TypeError, ValueError):
        return Event(
            type=frame["type"],
            room=frame["room"],
            seq=frame["seq"],
            at=_NO_TIME,
            by=None,
            raw=frame,
        )


def _build(cls: type[Event], frame: Mapping[str, Any]) -> Event:
    values: dict[str, Any] = {"raw": frame}
    if cls is UserErased:
        # `as` is a keyword of Python.
        values["as_user"] = frame.get("as")
    for each in _FIELDS[cls]:
        name = each.name
        if name in frame:
            value = frame[name]
            is_time = name in _TIMES and value is not None
            values[name] = parse_time(value) if is_time else value
        elif name != "raw" and each.default is MISSING:
            raise KeyError(name)
    return cls(**values)


def parse_time(text: str) -> datetime:
    """A time of the protocol, in UTC."""
    return datetime.fromisoformat(text)
