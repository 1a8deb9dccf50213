"""Rooms and members as JSON."""

from typing import Any

from app.domain.clock import iso, iso_or_none
from app.domain.roles import Kind
from app.domain.views import MemberView, Standing


def room_body(standing: Standing) -> dict[str, Any]:
    """A room as the one who asks sees it; the last six fields are null for a non-member."""
    is_member = standing.role is not None
    body: dict[str, Any] = {
        "name": standing.name,
        "title": standing.title,
        "kind": standing.kind.value,
        "head": standing.head,
        "first": standing.first,
        "created_at": iso(standing.created_at),
        "archived": standing.archived_at is not None,
        "slow_mode_seconds": standing.slow_mode_seconds,
    }
    if standing.kind is Kind.DIRECT:
        body["with"] = standing.other
    body |= {
        "member": True if is_member else None,
        "role": standing.role.value if standing.role is not None else None,
        **(standing_body(standing) if is_member else _NOTHING_READ),
    }
    return body


_NOTHING_READ = {"read": None, "unread": None, "mentions": None, "as_of": None}


def standing_body(standing: Standing) -> dict[str, int]:
    """How far a member has read, and what is left, as of ``as_of``."""
    return {
        "read": standing.read,
        "unread": standing.unread,
        "mentions": standing.mentions,
        "as_of": standing.head,
    }


def member_body(member: MemberView) -> dict[str, Any]:
    """A member of a room."""
    return {
        "user": member.user,
        "display_name": member.display_name,
        "role": member.role.value,
        "joined_at": iso(member.joined_at),
        "muted_until": iso_or_none(member.muted_until),
    }
