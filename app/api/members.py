"""Members of a room: list, join, add, leave, remove, ban and mute."""

from typing import Annotated

from fastapi import APIRouter, Depends

from ..domain.clock import iso, millis
from ..domain.errors import Conflict, Forbidden, UserNotFound
from ..domain.ids import Millis
from ..domain.views import MemberView
from ..services.rooms.members import Members
from ..wire.room_answers import BanAnswer, MemberAnswer, MembersAnswer
from ..wire.room_bodies import Expiry, MemberRole
from ..wire.rooms import member_body
from .deps import Me, RuntimeDep
from .pagination import PageDep
from .responses import errors
from .rooms import IN_ROOM, RoomName, Username
from .strict import StrictRoute

router = APIRouter(prefix="/rooms/{room}/members", tags=["Rooms"], route_class=StrictRoute)


async def _members(runtime: RuntimeDep) -> Members:
    return runtime.rooms.members


MembersDep = Annotated[Members, Depends(_members)]


@router.get(
    "",
    operation_id="listMembers",
    summary="List members",
    responses=errors(*IN_ROOM),
)
async def list_members(
    room: RoomName, me: Me, members: MembersDep, page: PageDep
) -> MembersAnswer:
    """List the members of a room by name."""
    after = page.key("members", str) or ""
    found = await members.page(me.user, room, after=after, limit=page.limit + 1)
    shown, following = page.cut("members", found, lambda member: member.user)
    return MembersAnswer(members=[_member(member) for member in shown], next=following)


@router.get(
    "/{username}",
    operation_id="getMember",
    summary="Get a member",
    responses=errors(*IN_ROOM, UserNotFound),
)
async def get(room: RoomName, username: Username, me: Me, members: MembersDep) -> MemberAnswer:
    """Get a member. A user who is not a member is `user_not_found`."""
    return _member(await members.get(me.user, room, username))


@router.put(
    "/{username}",
    operation_id="putMember",
    summary="Join, add a member, or set a role",
    responses=errors(*IN_ROOM, Forbidden, UserNotFound, Conflict),
)
async def put(
    room: RoomName,
    username: Username,
    me: Me,
    members: MembersDep,
    wish: MemberRole | None = None,
) -> MemberAnswer:
    """
    Join a public room (with your own username), add a user, or change a member's role.

    Moderators add members, owners set roles. A room can have several owners and always has one.
    """
    role = None if wish is None else wish.wanted()
    return _member(await members.put(me.user, room, username, role))


@router.delete(
    "/{username}",
    status_code=204,
    operation_id="removeMember",
    summary="Leave, or remove a member",
    responses=errors(*IN_ROOM, Forbidden, UserNotFound, Conflict),
)
async def remove(room: RoomName, username: Username, me: Me, members: MembersDep) -> None:
    """Leave a room (with your own username), or remove a member from it."""
    await members.remove(me.user, room, username)


@router.put(
    "/{username}/ban",
    operation_id="banUser",
    summary="Ban a user",
    responses=errors(*IN_ROOM, Forbidden, UserNotFound, Conflict),
)
async def ban(
    room: RoomName, username: Username, me: Me, members: MembersDep, term: Expiry | None = None
) -> BanAnswer:
    """End a user's membership and keep them out, until a given time or for good."""
    user, until = await members.ban(me.user, room, username, _until(term))
    return BanAnswer(user=user, banned_until=iso(until))


@router.delete(
    "/{username}/ban",
    status_code=204,
    operation_id="unbanUser",
    summary="Lift a ban",
    responses=errors(*IN_ROOM, Forbidden, UserNotFound, Conflict),
)
async def unban(room: RoomName, username: Username, me: Me, members: MembersDep) -> None:
    """Allow a banned user to join again. This does not make them a member."""
    await members.unban(me.user, room, username)


@router.put(
    "/{username}/mute",
    operation_id="muteMember",
    summary="Mute a member",
    responses=errors(*IN_ROOM, Forbidden, UserNotFound, Conflict),
)
async def mute(
    room: RoomName, username: Username, me: Me, members: MembersDep, term: Expiry | None = None
) -> MemberAnswer:
    """Make a member read-only, until a given time or for good."""
    return _member(await members.mute(me.user, room, username, _until(term)))


@router.delete(
    "/{username}/mute",
    status_code=204,
    operation_id="unmuteMember",
    summary="Lift a mute",
    responses=errors(*IN_ROOM, Forbidden, UserNotFound, Conflict),
)
async def unmute(room: RoomName, username: Username, me: Me, members: MembersDep) -> None:
    """Let a muted member write again."""
    await members.unmute(me.user, room, username)


def _until(term: Expiry | None) -> Millis | None:
    return None if term is None or term.until is None else millis(term.until)


def _member(member: MemberView) -> MemberAnswer:
    return MemberAnswer.model_validate(member_body(member))
