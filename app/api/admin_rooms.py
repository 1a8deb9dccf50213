"""Administration of rooms, for administrators and the command line."""

from fastapi import APIRouter, Response

from ..domain.errors import Forbidden, Invalid, RoomExists, RoomNotFound, UserNotFound
from ..domain.roles import Kind
from ..services.admin.answers import room_answer
from ..wire.admin import AdminNewRoom, AdminRoomAnswer, AdminRoomsAnswer, Retention
from .deps import AdminServiceDep, By
from .pagination import PageDep
from .responses import AUTHENTICATED, errors
from .strict import StrictRoute

router = APIRouter(prefix="/admin/rooms", tags=["Administration"], route_class=StrictRoute)

_DENIED = (*AUTHENTICATED, Forbidden)


@router.get(
    "",
    operation_id="adminListRooms",
    summary="List all rooms",
    responses=errors(*_DENIED, Invalid),
)
async def list_rooms(_: By, admin_service: AdminServiceDep, page: PageDep) -> AdminRoomsAnswer:
    """List rooms of every kind by name, without their messages."""
    after = page.key("all-rooms", str) or ""
    found = await admin_service.rooms.page(after=after, limit=page.limit + 1)
    shown, following = page.cut("all-rooms", found, lambda room: room.name)
    return AdminRoomsAnswer(rooms=[room_answer(room) for room in shown], next=following)


@router.post(
    "",
    status_code=201,
    operation_id="adminAddRoom",
    summary="Create a room",
    responses=errors(*_DENIED, RoomExists, UserNotFound, Invalid),
)
async def add_room(
    new: AdminNewRoom, by: By, admin_service: AdminServiceDep, response: Response
) -> AdminRoomAnswer:
    """Create a room, with an owner or without one."""
    room = await admin_service.rooms.add(new.name, new.title, Kind(new.kind), new.owner, by=by)
    response.headers["Location"] = f"/rooms/{room.name}"
    return room_answer(room)


@router.put(
    "/{room}/archived",
    operation_id="adminArchiveRoom",
    summary="Archive a room",
    responses=errors(*_DENIED, RoomNotFound, Invalid),
)
async def archive(room: str, by: By, admin_service: AdminServiceDep) -> AdminRoomAnswer:
    """Make a room read-only."""
    return room_answer(await admin_service.rooms.set_archived(room, True, by))


@router.delete(
    "/{room}/archived",
    status_code=204,
    operation_id="adminReopenRoom",
    summary="Reopen a room",
    responses=errors(*_DENIED, RoomNotFound, Invalid),
)
async def reopen(room: str, by: By, admin_service: AdminServiceDep) -> None:
    """Make an archived room writable again."""
    await admin_service.rooms.set_archived(room, False, by)


@router.put(
    "/{room}/retention",
    operation_id="adminSetRetention",
    summary="Set the retention of a room",
    responses=errors(*_DENIED, RoomNotFound, Invalid),
)
async def set_retention(
    room: str, kept: Retention, by: By, admin_service: AdminServiceDep
) -> AdminRoomAnswer:
    """
    Keep the events of the last `days` days, or the newest `events` events.

    Older events are deleted for good, within moments and then periodically, and `first` moves
    up. Clients whose cursor is below `first` − 1 start over. Pinned messages are kept until they
    are unpinned, unless `keep_pinned` is false.
    """
    if kept.days is None and kept.events is None:
        raise Invalid.field("days", "is missing: give days or events", kind="missing")
    changed = await admin_service.rooms.set_retention(
        room, days=kept.days, events=kept.events, keep_pinned=kept.keep_pinned, by=by
    )
    return room_answer(changed)


@router.delete(
    "/{room}/retention",
    status_code=204,
    operation_id="adminLiftRetention",
    summary="Remove the retention of a room",
    responses=errors(*_DENIED, RoomNotFound, Invalid),
)
async def lift_retention(room: str, by: By, admin_service: AdminServiceDep) -> None:
    """Keep all events, present and future."""
    await admin_service.rooms.set_retention(room, by=by)
