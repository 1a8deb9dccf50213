"""Rooms and members as JSON."""

from typing import Any

from app.domain.ids import Millis, RoomId
from app.domain.notification_levels import NotificationLevel
from app.domain.roles import Kind, Role
from app.domain.views import MemberView, RoomView
from app.wire.rooms import member_body, room_body, view_body

AT = Millis(1_795_248_000_000)
AT_ISO = "2026-11-21T08:00:00.000Z"


def view(**what: Any) -> RoomView:
    return RoomView(
        **{
            "room": RoomId(1),
            "name": "den",
            "title": "Den",
            "kind": Kind.PUBLIC,
            "head": 9,
            "first": 1,
            "created_at": AT,
            "archived_at": None,
            "slow_mode_seconds": 0,
            "room_mention_role": Role.MODERATOR,
            "role": None,
            "banned_until": None,
            "read": 4,
            "receipt": 4,
            "read_moves": 0,
            "unread": 3,
            "mentions": 1,
            "other": None,
            "notifications": NotificationLevel.MENTIONS,
            **what,
        }
    )


def test_a_room_has_no_unread_counts_for_a_non_member() -> None:
    body = room_body(view())

    assert [body[name] for name in ("member", "role", "read", "unread", "mentions", "as_of")] == (
        [None] * 6
    )
    assert "with" not in body


def test_a_room_has_unread_counts_for_a_member() -> None:
    body = room_body(view(role=Role.OWNER, archived_at=AT))

    assert body == {
        "name": "den",
        "title": "Den",
        "kind": "public",
        "head": 9,
        "first": 1,
        "created_at": AT_ISO,
        "archived": True,
        "slow_mode_seconds": 0,
        "room_mention_role": "moderator",
        "member": True,
        "role": "owner",
        "read": 4,
        "unread": 3,
        "mentions": 1,
        "as_of": 9,
        "notifications": "mentions",
    }
    assert view_body(view(role=Role.OWNER))["as_of"] == 9


def test_a_direct_room_names_the_other_member() -> None:
    assert room_body(view(kind=Kind.DIRECT, other="bo", role=Role.MEMBER))["with"] == "bo"


def test_a_member_has_every_field() -> None:
    assert member_body(MemberView("bo", "Bo", Role.MEMBER, AT, None)) == {
        "user": "bo",
        "display_name": "Bo",
        "role": "member",
        "joined_at": AT_ISO,
        "muted_until": None,
    }
