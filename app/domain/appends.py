"""
What can be asked of a room's log. Each request is decided inside one transaction:
:mod:`app.domain.deciding` says how, :mod:`app.services.log.committer` when.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.domain.ids import Millis, RoomId, UserId
from app.domain.roles import Kind, Role


class Committed(NamedTuple):
    """
    The answer to an append.

    ``seq`` is None where nothing changed and nothing was stored. ``duplicate``: this ``id``
    was there already, and this is the first answer.
    """

    seq: int | None
    at: Millis
    duplicate: bool = False
    room: RoomId = RoomId(0)


@dataclass(slots=True, kw_only=True)
class Append:
    """
    A request to a room's log.

    ``by`` None is the operator, who may do everything. ``client_id`` is the caller's
    idempotency key, unique per room and user for as long as
    the event is kept.
    """

    room: RoomId
    by: UserId | None
    at: Millis
    client_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Send(Append):
    """Say something. ``mentions`` are names as written; members among them are mentioned."""

    text: str
    reply_to: int | None = None
    data: dict[str, Any] | None = None
    mentions: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Edit(Append):
    """Change the wording of one's own message."""

    ref: int
    text: str
    mentions: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Delete(Append):
    """Blank a message: one's own, or as a moderator anybody's."""

    ref: int


@dataclass(slots=True, kw_only=True)
class React(Append):
    """Put an emoji on a message, or take it off."""

    ref: int
    emoji: str
    on: bool


@dataclass(slots=True, kw_only=True)
class Pin(Append):
    """Pin a message, or unpin it."""

    ref: int
    on: bool


@dataclass(slots=True, kw_only=True)
class Join(Append):
    """
    Become a member of a public room by oneself.

    ``invited``: an invitation was accepted, so a private room can be joined too.
    """

    invited: bool = False


@dataclass(slots=True, kw_only=True)
class Admit(Append):
    """Add ``user``, or change the role of one who is a member."""

    user: UserId
    role: Role | None = None


@dataclass(slots=True, kw_only=True)
class Remove(Append):
    """Leave (``user`` is oneself), or remove somebody."""

    user: UserId


@dataclass(slots=True, kw_only=True)
class Ban(Append):
    """Ban ``user`` until a moment, or for good (None); or lift it (``on`` False)."""

    user: UserId
    on: bool
    until: Millis | None = None


@dataclass(slots=True, kw_only=True)
class Mute(Append):
    """Silence ``user`` until a moment, or for good (None); or lift it (``on`` False)."""

    user: UserId
    on: bool
    until: Millis | None = None


@dataclass(slots=True, kw_only=True)
class UpdateRoom(Append):
    """Change what is given; None leaves it as it is."""

    title: str | None = None
    slow_mode_seconds: int | None = None
    archived: bool | None = None
    as_operator: bool = False


@dataclass(slots=True, kw_only=True)
class CreateRoom(Append):
    """Make a room; ``room`` is given by the log. The maker is its owner, if it has one."""

    name: str
    title: str
    kind: Kind


@dataclass(slots=True, kw_only=True)
class OpenDirect(Append):
    """The room of two users: made the first time. ``name`` is used if it has to be made."""

    user: UserId
    name: str
