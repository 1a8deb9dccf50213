"""Rooms: find, create, change and archive them; move read markers."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from ..domain.errors import (
    Banned,
    Conflict,
    Forbidden,
    Invalid,
    RoomExists,
    RoomNotFound,
    UserNotFound,
)
from ..domain.roles import Kind
from ..domain.views import RoomView
from ..realtime.read_receipts import ReadReceipts
from ..services.rooms.notification_levels import NotificationLevels
from ..services.rooms.rooms import Rooms
from ..wire.room_answers import ReadAnswer, RoomAnswer, RoomsAnswer
from ..wire.room_bodies import NewRoom, Notifications, ReadMark, RoomChanges
from ..wire.rooms import room_body, view_body
from .deps import Me, RuntimeDep
from .pagination import PageDep
from .responses import AUTHENTICATED, errors
from .strict import StrictRoute

router = APIRouter(prefix="/rooms", tags=["Rooms"], route_class=StrictRoute)

IN_ROOM = (*AUTHENTICATED, RoomNotFound, Banned, Invalid)
"""The errors of every endpoint in a room."""

RoomName = Annotated[str, Path(description="The room's name.", examples=["general"])]
Username = Annotated[str, Path(description="A username.", examples=["alice"])]


async def _rooms(runtime: RuntimeDep) -> Rooms:
    return runtime.rooms.rooms


async def _read_receipts(runtime: RuntimeDep) -> ReadReceipts:
    return runtime.realtime.read_receipts


async def _notification_levels(runtime: RuntimeDep) -> NotificationLevels:
    return runtime.rooms.notification_levels


RoomsDep = Annotated[Rooms, Depends(_rooms)]
ReadReceiptsDep = Annotated[ReadReceipts, Depends(_read_receipts)]
NotificationLevelsDep = Annotated[NotificationLevels, Depends(_notification_levels)]


@router.get(
    "",
    operation_id="listRooms",
    summary="List rooms",
    response_model_exclude_unset=True,
    responses=errors(*AUTHENTICATED, Invalid),
)
async def list_rooms(
    me: Me,
    rooms: RoomsDep,
    page: PageDep,
    member: Annotated[
        bool, Query(description="Only rooms that you are a member of, including archived ones.")
    ] = False,
    q: Annotated[str, Query(max_length=100, description="Prefix of the name.")] = "",
) -> RoomsAnswer:
    """List your rooms and the public ones by name, with your role and read marker in each."""
    after = page.key("rooms", str) or ""
    found = await rooms.visible(me.user, mine=member, prefix=q, after=after, limit=page.limit + 1)
    shown, following = page.cut("rooms", found, lambda view: view.name)
    return RoomsAnswer(rooms=[room_answer(view) for view in shown], next=following)


@router.post(
    "",
    status_code=201,
    operation_id="makeRoom",
    summary="Create a room",
    response_model_exclude_unset=True,
    responses=errors(*AUTHENTICATED, RoomExists, Invalid),
)
async def make(new: NewRoom, me: Me, rooms: RoomsDep, response: Response) -> RoomAnswer:
    """Create a room and become its owner."""
    view = await rooms.create(me.user, new.name, new.title, Kind(new.kind))
    response.headers["Location"] = f"/rooms/{view.name}"
    return room_answer(view)


@router.put(
    "/direct/{username}",
    operation_id="openDirectRoom",
    summary="Open a direct room",
    response_model_exclude_unset=True,
    responses=errors(*AUTHENTICATED, Forbidden, UserNotFound, Conflict, Invalid),
)
async def open_direct(username: Username, me: Me, rooms: RoomsDep) -> RoomAnswer:
    """Get your direct room with a user. It is created the first time."""
    return room_answer(await rooms.open_direct(me.user, username))


@router.get(
    "/{room}",
    operation_id="getRoom",
    summary="Get a room",
    response_model_exclude_unset=True,
    responses=errors(*IN_ROOM),
)
async def get(room: RoomName, me: Me, rooms: RoomsDep) -> RoomAnswer:
    """Get a room, with your role and read marker in it."""
    return room_answer(await rooms.get(me.user, room))


@router.patch(
    "/{room}",
    operation_id="updateRoom",
    summary="Change a room",
    response_model_exclude_unset=True,
    responses=errors(*IN_ROOM, Forbidden),
)
async def update(changes: RoomChanges, room: RoomName, me: Me, rooms: RoomsDep) -> RoomAnswer:
    """Change the given fields. Owners alone set `archived`, moderators the others too."""
    return room_answer(await rooms.update(me.user, room, **changes.wanted()))


@router.delete(
    "/{room}",
    status_code=204,
    operation_id="archiveRoom",
    summary="Archive a room",
    responses=errors(*IN_ROOM, Forbidden),
)
async def archive(room: RoomName, me: Me, rooms: RoomsDep) -> None:
    """Make a room read-only until an owner reopens it."""
    await rooms.update(me.user, room, archived=True)


@router.put(
    "/{room}/read",
    operation_id="markRead",
    summary="Move your read marker",
    responses=errors(*IN_ROOM, Forbidden),
)
async def mark_read(
    mark: ReadMark, room: RoomName, me: Me, rooms: RoomsDep, read_receipts: ReadReceiptsDep
) -> ReadAnswer:
    """
    Move your read marker forward.

    It moves back only with `force`, and only for you: what others see as read stays so.
    """
    found = await rooms.find(room)
    move = read_receipts.place if mark.force else read_receipts.move
    view = await move(found, me.user, me.username, mark.seq)
    return ReadAnswer(**view_body(view))


@router.put(
    "/{room}/notifications",
    operation_id="setNotifications",
    summary="Choose what to be notified of",
    responses=errors(*IN_ROOM, Forbidden),
)
async def set_notifications(
    wanted: Notifications, room: RoomName, me: Me, levels: NotificationLevelsDep
) -> Notifications:
    """Choose which messages of others your clients notify you of, in this room."""
    await levels.put(me.user, room, wanted.wanted())
    return wanted


def room_answer(view: RoomView) -> RoomAnswer:
    """The response model of a room."""
    return RoomAnswer.model_validate(room_body(view))
