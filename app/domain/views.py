"""Rooms, members and messages as they are now, as read from the database for one user."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .ids import Millis, RoomId, Seq
from .notification_levels import NotificationLevel
from .roles import Kind, Role


@dataclass(slots=True)
class MessageView:
    """A message as it is now. ``text`` is None once deleted."""

    room: RoomId
    seq: Seq
    at: Millis
    by: str | None
    text: str | None
    data: dict[str, Any] | None
    reply_to: int | None
    client_id: str | None
    edited_at: Millis | None
    deleted_at: Millis | None
    pinned: bool
    reactions: dict[str, list[str]] = field(default_factory=dict)
    mentions: list[str] = field(default_factory=list)
    mentions_room: str | None = None
    """``all`` or ``here``."""
    reply_count: int = 0
    last_reply: int | None = None


class MessagePage(NamedTuple):
    """Consecutive messages of a room, oldest first, and their place in the log: one snapshot."""

    messages: list[MessageView]
    head: int
    first: int
    has_older: bool
    has_newer: bool


class EarlierText(NamedTuple):
    """An earlier text of a message, with the ``seq`` of the event that set it."""

    seq: Seq
    text: str | None
    at: Millis


@dataclass(slots=True, kw_only=True)
class RoomAccess:
    """What decides whether one user may read a room, and the range of its log: one snapshot."""

    kind: Kind
    head: int
    first: int
    role: Role | None
    """None for a non-member."""
    banned_until: Millis | None

    def is_banned(self, at: int) -> bool:
        """Whether a ban is in force at ``at``."""
        return self.banned_until is not None and self.banned_until > at

    def may_read(self, at: int) -> bool:
        """Whether the user may read the room: as a member, or because it is public."""
        if self.role is not None:
            return True
        return self.kind is Kind.PUBLIC and not self.is_banned(at)


@dataclass(slots=True, kw_only=True)
class RoomView(RoomAccess):
    """
    A room as one user sees it: one snapshot, at ``head``.

    ``read``, ``receipt``, ``unread``, ``mentions`` and ``notifications`` are meaningless for a
    non-member.
    """

    room: RoomId
    name: str
    title: str
    created_at: Millis
    archived_at: Millis | None
    slow_mode_seconds: int
    room_mention_role: Role
    """The lowest role that may mention the whole room."""
    read: int
    receipt: int
    """The furthest that is stored of what others were told: at least as far as was stored for
    ``read``."""
    read_moves: int
    """How often the user has placed the marker, back or forward."""
    unread: int
    mentions: int
    other: str | None
    """In a direct room: the username of the other member."""
    notifications: NotificationLevel


class MemberView(NamedTuple):
    """A member of a room."""

    user: str
    display_name: str
    role: Role
    joined_at: Millis
    muted_until: Millis | None


class Present(NamedTuple):
    """A user who is present in a room, by the names that they had when they came."""

    username: str
    display_name: str
