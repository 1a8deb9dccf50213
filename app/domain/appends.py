"""
The requests that append to a room's log. Each is decided inside one transaction:
:mod:`app.domain.decide` says how, :mod:`app.services.log.committer` when.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .ids import Millis, RoomId, UserId
from .roles import Kind, Role


class Committed(NamedTuple):
    """
    The result of an append.

    ``seq`` is None if nothing changed and so nothing was stored. ``duplicate`` marks a retry:
    ``seq`` and ``at`` are those of the first time.
    """

    seq: int | None
    at: Millis
    duplicate: bool = False
    room: RoomId = RoomId(0)


@dataclass(slots=True, kw_only=True)
class Append:
    """
    Base class of the requests.

    ``by`` is None for the operator, who may do everything. ``client_id`` is the caller's
    idempotency key, unique per room and user for as long as the event is kept.
    """

    room: RoomId
    by: UserId | None
    at: Millis
    client_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Send(Append):
    """
    Send a message.

    ``mentions`` are those of :func:`app.domain.mentions.mentioned`; those of non-members are
    ignored. ``present`` are the users who are in the room now, if one of them may mention those.
    """

    text: str
    reply_to: int | None = None
    data: dict[str, Any] | None = None
    mentions: list[str] = field(default_factory=list)
    present: frozenset[UserId] = frozenset()


@dataclass(slots=True, kw_only=True)
class Edit(Append):
    """Replace the text of the caller's own message. For the mentions, see :class:`Send`."""

    ref: int
    text: str
    mentions: list[str] = field(default_factory=list)
    present: frozenset[UserId] = frozenset()


@dataclass(slots=True, kw_only=True)
class Delete(Append):
    """Delete the text of a message: the caller's own or, for moderators, any."""

    ref: int


@dataclass(slots=True, kw_only=True)
class React(Append):
    """Add a reaction to a message (``on``), or remove it."""

    ref: int
    emoji: str
    on: bool


@dataclass(slots=True, kw_only=True)
class Pin(Append):
    """Pin a message (``on``), or unpin it."""

    ref: int
    on: bool


@dataclass(slots=True, kw_only=True)
class Join(Append):
    """
    The caller becomes a member of a public room.

    ``invited``: the caller has accepted an invitation, which opens a private room too.
    """

    invited: bool = False


@dataclass(slots=True, kw_only=True)
class Admit(Append):
    """Add ``user`` as a member, or change a member's role. ``role`` None keeps a member's role."""

    user: UserId
    role: Role | None = None


@dataclass(slots=True, kw_only=True)
class Remove(Append):
    """Remove a member, or leave (``user`` is the caller)."""

    user: UserId


@dataclass(slots=True, kw_only=True)
class AnnounceErasure(Append):
    """The account of ``user`` is being erased; its messages stay, by another name."""

    user: UserId


@dataclass(slots=True, kw_only=True)
class Ban(Append):
    """Ban ``user`` until a time or without end (None); with ``on`` False, lift the ban."""

    user: UserId
    on: bool
    until: Millis | None = None


@dataclass(slots=True, kw_only=True)
class Mute(Append):
    """Mute ``user`` until a time or without end (None); with ``on`` False, lift the mute."""

    user: UserId
    on: bool
    until: Millis | None = None


@dataclass(slots=True, kw_only=True)
class UpdateRoom(Append):
    """Change a room. A field that is None stays unchanged."""

    title: str | None = None
    slow_mode_seconds: int | None = None
    room_mention_role: Role | None = None
    archived: bool | None = None
    as_operator: bool = False


@dataclass(slots=True, kw_only=True)
class CreateRoom(Append):
    """Create a room owned by ``by``. ``room`` is ``NO_ROOM``: the log assigns the id."""

    name: str
    title: str
    kind: Kind


@dataclass(slots=True, kw_only=True)
class OpenDirect(Append):
    """Open the direct room with ``user``; it is created, with ``name``, if there is none."""

    user: UserId
    name: str
