"""Accounts and rooms as administrators see them, over HTTP and on the command line."""

from ...domain.clock import iso, iso_or_none
from ...store.admin_rooms import Room
from ...store.users import User
from ...wire.admin import AccountAnswer, AdminRoomAnswer


def account_answer(user: User) -> AccountAnswer:
    """Return what administrators see of an account."""
    return AccountAnswer(
        username=user.username,
        display_name=user.display_name,
        created_at=iso(user.created_at),
        is_admin=user.is_admin,
        disabled_at=iso_or_none(user.disabled_at),
    )


def room_answer(room: Room) -> AdminRoomAnswer:
    """Return what administrators see of a room."""
    return AdminRoomAnswer(
        name=room.name,
        title=room.title,
        kind=room.kind.value,
        head=room.head,
        first=room.first,
        created_at=iso(room.created_at),
        archived=room.archived_at is not None,
        slow_mode_seconds=room.slow_mode_seconds,
        retention_days=room.retention_days,
        retention_events=room.retention_events,
        retention_keep_pinned=room.retention_keep_pinned,
        member_count=room.member_count,
    )
