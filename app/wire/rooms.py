"""Rooms and members as JSON objects."""

from typing import Any

from ..domain.clock import iso, iso_or_none
from ..domain.roles import Kind
from ..domain.views import MemberView, RoomView


def room_body(view: RoomView) -> dict[str, Any]:
    """A room as the caller sees it; the last seven fields are null for a non-member."""
    is_member = view.role is not None
    body: dict[str, Any] = {
        "name": view.name,
        "title": view.title,
        "kind": view.kind.value,
        "head": view.head,
        "first": view.first,
        "created_at": iso(view.created_at),
        "archived": view.archived_at is not None,
        "slow_mode_seconds": view.slow_mode_seconds,
        "room_mention_role": view.room_mention_role.value,
    }
    if view.kind is Kind.DIRECT:
        body["with"] = view.other
    body |= {
        "member": True if is_member else None,
        "role": view.role.value if view.role is not None else None,
        **(view_body(view) if is_member else _NOTHING_READ),
        "notifications": view.notifications.value if is_member else None,
    }
    return body


_NOTHING_READ = {"read": None, "unread": None, "mentions": None, "as_of": None}


def view_body(view: RoomView) -> dict[str, int]:
    """How far a member has read, and the unread counts as of ``as_of``."""
    return {
        "read": view.read,
        "unread": view.unread,
        "mentions": view.mentions,
        "as_of": view.head,
    }


def own_read_body(view: RoomView, username: str) -> dict[str, Any]:
    """The fields of the signal that tells a user's connections the own read marker."""
    counts = view_body(view)
    return {"room": view.name, "by": username, "seq": counts.pop("read"), **counts}


def member_body(member: MemberView) -> dict[str, Any]:
    """A member of a room."""
    return {
        "user": member.user,
        "display_name": member.display_name,
        "role": member.role.value,
        "joined_at": iso(member.joined_at),
        "muted_until": iso_or_none(member.muted_until),
    }
