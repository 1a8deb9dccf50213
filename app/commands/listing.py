"""Lists of accounts and rooms: one line each, as aligned text or as JSON."""

from collections.abc import AsyncIterator, Callable, Sequence

from pydantic import BaseModel

from ..wire.admin import AccountAnswer, AdminRoomAnswer
from .admin_backend import AdminBackend

Out = Callable[[str], object]


async def list_users(admin: AdminBackend, out: Out, *, as_json: bool) -> None:
    """Pass each account to ``out``, in order of name, after a heading if it is text."""
    if as_json:
        await _json(admin.all_users(), out)
    else:
        rows = [_user_row(user) async for user in admin.all_users()]
        _table(("NAME", "CREATED", "STATE", "DISPLAY NAME"), rows, out)


async def list_rooms(admin: AdminBackend, out: Out, *, as_json: bool) -> None:
    """Pass each room to ``out``, in order of name, after a heading if it is text."""
    if as_json:
        await _json(admin.rooms.all(), out)
    else:
        rows = [_room_row(room) async for room in admin.rooms.all()]
        _table(("NAME", "KIND", "MEMBERS", "EVENTS", "STATE", "TITLE"), rows, out)


async def _json(answers: AsyncIterator[BaseModel], out: Out) -> None:
    async for answer in answers:
        out(answer.model_dump_json())


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]], out: Out) -> None:
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    for row in (heading, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        out("  ".join(cells).rstrip())


def _user_row(user: AccountAnswer) -> Sequence[str]:
    states = ["admin"] * user.is_admin + ["disabled"] * (user.disabled_at is not None)
    state = ",".join(states) or "-"
    # The only cell that may hold characters of other widths is the last.
    return (user.username, user.created_at[:10], state, user.display_name)


def _room_row(room: AdminRoomAnswer) -> Sequence[str]:
    kept = room.head - room.first + 1
    state = "archived" if room.archived else "-"
    return (room.name, room.kind, str(room.member_count), str(kept), state, room.title)
