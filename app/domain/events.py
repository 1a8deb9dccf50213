"""
What a room's log is made of.

An event holds ids, never names: names are looked up when it is shown. Every event *sets*
something and none counts, so that applying one twice or late changes nothing.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from app.domain.ids import Millis, RoomId, Seq, UserId
from app.domain.roles import Kind


class EventType(StrEnum):
    """Every type of event. A client skips a type that it doesn't know."""

    MESSAGE_CREATED = "message.created"
    MESSAGE_EDITED = "message.edited"
    MESSAGE_DELETED = "message.deleted"
    REACTION_ADDED = "reaction.added"
    REACTION_REMOVED = "reaction.removed"
    MESSAGE_PINNED = "message.pinned"
    MESSAGE_UNPINNED = "message.unpinned"
    ROOM_CREATED = "room.created"
    ROOM_UPDATED = "room.updated"
    ROOM_ARCHIVED = "room.archived"
    ROOM_REOPENED = "room.reopened"
    MEMBER_JOINED = "member.joined"
    MEMBER_LEFT = "member.left"
    MEMBER_UPDATED = "member.updated"


class Event(NamedTuple):
    """
    One entry of a room's log.

    ``ref`` is the seq of the message that it is about (of a reply: the one replied to).
    ``text`` of a message is what was said, None once deleted. ``data`` holds what else the
    type has: ``user``, ``reason``, ``role``, ``emoji``, ``title``, … with user ids in it; of
    a message, ``data`` (the client's own JSON) and ``mentions`` (user ids).
    ``client_id`` is the sender's own id: see :attr:`app.domain.appends.Append.client_id`.
    ``edited_at`` and ``deleted_at`` are of a replay: the message as it is now.
    """

    room: RoomId
    seq: Seq
    type: str
    by: UserId | None
    at: Millis
    ref: int | None = None
    text: str | None = None
    data: dict[str, Any] | None = None
    client_id: str | None = None
    edited_at: Millis | None = None
    deleted_at: Millis | None = None


class EventBatch(NamedTuple):
    """Consecutive events of one room, with what it takes to show them."""

    room: RoomId
    room_name: str
    kind: Kind
    events: Sequence[Event]
    names: Mapping[UserId, str]
    """Usernames of everybody that the events speak of."""

    @property
    def first(self) -> int:
        """Seq of the first event."""
        return self.events[0].seq

    @property
    def last(self) -> int:
        """Seq of the last event."""
        return self.events[-1].seq


def users_of(event: Event) -> set[UserId]:
    """Whose names are needed to show ``event``."""
    users = set() if event.by is None else {event.by}
    if event.data is not None:
        if (user := event.data.get("user")) is not None:
            users.add(user)
        if (author := event.data.get("author")) is not None:
            users.add(author)
        users.update(event.data.get("mentions", ()))
    return users
