"""Rooms: find them, make them, change them, and say how far one has read."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from app.api.deps import Me, RuntimeDep
from app.api.pages import PageDep
from app.api.responses import AUTHENTICATED, errors
from app.api.strict import StrictRoute
from app.domain.errors import (
    Banned,
    Conflict,
    Forbidden,
    Invalid,
    RoomExists,
    RoomNotFound,
    UserNotFound,
)
from app.domain.roles import Kind
from app.domain.views import RoomView
from app.realtime.read_receipts import ReadReceipts
from app.services.rooms.rooms import Rooms
from app.wire.room_bodies import (
    NewRoom,
    ReadAnswer,
    ReadMark,
    RoomAnswer,
    RoomChanges,
    RoomsAnswer,
)
from app.wire.rooms import room_body, view_body

router = APIRouter(prefix="/rooms", tags=["Rooms"], route_class=StrictRoute)

IN_ROOM = (*AUTHENTICATED, RoomNotFound, Banned, Invalid)
"""What everything in a room may answer."""

RoomName = Annotated[str, Path(description="The room's name.", examples=["general"])]
Username = Annotated[str, Path(description="Who is meant.", examples=["bob"])]


async def _rooms(runtime: RuntimeDep) -> Rooms:
    return runtime.rooms.rooms


async def _reading(runtime: RuntimeDep) -> ReadReceipts:
    return runtime.realtime.read_receipts


RoomsDep = Annotated[Rooms, Depends(_rooms)]
ReadReceiptsDep = Annotated[ReadReceipts, Depends(_reading)]


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
        bool, Query(description="Only those that one is a member of, archived ones too.")
    ] = False,
    q: Annotated[str, Query(max_length=100, description="How the name begins.")] = "",
) -> RoomsAnswer:
    """List one's own rooms and the public ones, by name, and where one stands in each."""
    after = page.key("rooms", str) or ""
    found = await rooms.visible(me.user, mine=member, prefix=q, after=after, limit=page.limit + 1)
    shown, following = page.cut("rooms", found, lambda view: view.name)
    return RoomsAnswer(rooms=[room_answer(view) for view in shown], next=following)


@router.post(
    "",
    status_code=201,
    operation_id="makeRoom",
    summary="Make a room",
    response_model_exclude_unset=True,
    responses=errors(*AUTHENTICATED, RoomExists, Invalid),
)
async def make(new: NewRoom, me: Me, rooms: RoomsDep, response: Response) -> RoomAnswer:
    """Make a room; one is its owner."""
    view = await rooms.create(me.user, new.name, new.title, Kind(new.kind))
    response.headers["Location"] = f"/rooms/{view.name}"
    return room_answer(view)


@router.put(
    "/direct/{username}",
    operation_id="openDirectRoom",
    summary="The room of oneself and another",
    response_model_exclude_unset=True,
    responses=errors(*AUTHENTICATED, Forbidden, UserNotFound, Conflict, Invalid),
)
async def open_direct(username: Username, me: Me, rooms: RoomsDep) -> RoomAnswer:
    """Open the direct room with somebody: made the first time, the same ever after."""
    return room_answer(await rooms.open_direct(me.user, username))


@router.get(
    "/{room}",
    operation_id="getRoom",
    summary="A room",
    response_model_exclude_unset=True,
    responses=errors(*IN_ROOM),
)
async def get(room: RoomName, me: Me, rooms: RoomsDep) -> RoomAnswer:
    """Show a room, and where one stands in it."""
    return room_answer(await rooms.get(me.user, room))


@router.patch(
    "/{room}",
    operation_id="updateRoom",
    summary="Change a room",
    response_model_exclude_unset=True,
    responses=errors(*IN_ROOM, Forbidden),
)
async def update(changes: RoomChanges, room: RoomName, me: Me, rooms: RoomsDep) -> RoomAnswer:
    """Change what is given: moderators the title and slow mode, owners all of it."""
    return room_answer(await rooms.update(me.user, room, **changes.model_dump()))


@router.delete(
    "/{room}",
    status_code=204,
    operation_id="archiveRoom",
    summary="Archive a room",
    responses=errors(*IN_ROOM, Forbidden),
)
async def archive(room: RoomName, me: Me, rooms: RoomsDep) -> None:
    """Archive a room: it can be read and not changed, until an owner reopens it."""
    await rooms.update(me.user, room, archived=True)


@router.put(
    "/{room}/read",
    operation_id="markRead",
    summary="Say how far one has read",
    responses=errors(*IN_ROOM, Forbidden),
)
async def mark_read(
    mark: ReadMark, room: RoomName, me: Me, rooms: RoomsDep, read_receipts: ReadReceiptsDep
) -> ReadAnswer:
    """Move one's read marker forward; it never moves back."""
    found = await rooms.find(room)
    view = await read_receipts.move(found, me.user, me.username, mark.seq)
    return ReadAnswer(**view_body(view))


def room_answer(view: RoomView) -> RoomAnswer:
    """A room as it is answered."""
    return RoomAnswer.model_validate(room_body(view))
