"""Invitations: create, list, revoke and accept them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from ..domain.clock import iso, iso_or_none
from ..domain.errors import Forbidden, Invalid, InviteNotFound
from ..domain.limits import MAX_INTEGER
from ..services.rooms.invites import Invites
from ..store.invites import Invite
from ..wire.room_answers import InviteAnswer, InvitesAnswer, NewInviteAnswer, RoomAnswer
from ..wire.room_bodies import NewInvite
from .deps import Me, RuntimeDep
from .pagination import PageDep
from .responses import AUTHENTICATED, errors
from .rooms import IN_ROOM, RoomName, room_answer
from .strict import StrictRoute

router = APIRouter(tags=["Rooms"], route_class=StrictRoute)

InviteNumber = Annotated[int, Path(ge=1, le=MAX_INTEGER)]


async def _invites(runtime: RuntimeDep) -> Invites:
    return runtime.rooms.invites


InvitesDep = Annotated[Invites, Depends(_invites)]


@router.post(
    "/rooms/{room}/invites",
    status_code=201,
    operation_id="makeInvite",
    summary="Create an invitation",
    responses=errors(*IN_ROOM, Forbidden),
)
async def make(
    room: RoomName,
    me: Me,
    invites: InvitesDep,
    response: Response,
    new: NewInvite | None = None,
) -> NewInviteAnswer:
    """Create an invitation. Anyone with its code, which is shown only here, may join."""
    terms = {} if new is None else new.model_dump()
    invite, code = await invites.create(me.user, room, **terms)
    response.headers["Location"] = f"/rooms/{room.lower()}/invites/{invite.id}"
    return NewInviteAnswer(**_invite(invite).model_dump(), code=code)


@router.get(
    "/rooms/{room}/invites",
    operation_id="listInvites",
    summary="List invitations",
    responses=errors(*IN_ROOM, Forbidden),
)
async def list_invites(
    room: RoomName, me: Me, invites: InvitesDep, page: PageDep
) -> InvitesAnswer:
    """List usable invitations, newest first, without their codes."""
    before = page.key("invites", int)
    found = await invites.page(me.user, me.is_admin, room, before=before, limit=page.limit + 1)
    shown, following = page.cut("invites", found, lambda invite: invite.id)
    return InvitesAnswer(invites=[_invite(invite) for invite in shown], next=following)


@router.delete(
    "/rooms/{room}/invites/{id}",
    status_code=204,
    operation_id="revokeInvite",
    summary="Revoke an invitation",
    responses=errors(*IN_ROOM, Forbidden),
)
async def revoke(room: RoomName, id: InviteNumber, me: Me, invites: InvitesDep) -> None:
    """Make an invitation unusable. Members who joined with it stay."""
    await invites.revoke(me.user, room, id)


@router.post(
    "/invites/{code}",
    operation_id="acceptInvite",
    summary="Accept an invitation",
    response_model_exclude_unset=True,
    responses=errors(*AUTHENTICATED, InviteNotFound, Forbidden, Invalid),
)
async def accept(
    code: Annotated[str, Path(description="The code of the invitation.")],
    me: Me,
    invites: InvitesDep,
) -> RoomAnswer:
    """Join the room of an invitation, and return it."""
    return room_answer(await invites.accept(me.user, code))


def _invite(invite: Invite) -> InviteAnswer:
    return InviteAnswer(
        id=invite.id,
        created_by=invite.created_by,
        created_at=iso(invite.created_at),
        expires_at=iso_or_none(invite.expires_at),
        max_uses=invite.max_uses,
        uses=invite.uses,
    )
