"""Who somebody is in a room, and what follows: the one place where access is refused."""

from typing import TypeVar

from app.domain.appends import Append
from app.domain.errors import (
    Banned,
    Conflict,
    Forbidden,
    Muted,
    RoomNotFound,
    Unauthorized,
    UserNotFound,
)
from app.domain.ids import RoomId, UserId
from app.domain.roles import RANK, Action, Kind, Role, may
from app.domain.views import RoomAccess
from app.domain.working_set import Person, RoomState, WorkingSet

NOBODY = RoomId(0)

A = TypeVar("A", bound=RoomAccess)


def authorize_read(access: A | None, at: int) -> A:
    """
    ``access``, if whose it is may read the room.

    Raises:
        RoomNotFound: If there is no such room, or it is not for them to know.
        Banned: From a public room.

    """
    if access is None:
        raise RoomNotFound
    if access.may_read(at):
        return access
    if access.kind is Kind.PUBLIC:
        raise Banned
    raise RoomNotFound


def effective_role(access: RoomAccess, *, is_admin: bool) -> Role | None:
    """What a reader of the room may act as there: :func:`role_of`, outside of a batch."""
    if is_admin and access.kind is not Kind.DIRECT:
        return Role.OWNER
    return access.role


def require_visible(working_set: WorkingSet, append: Append) -> tuple[RoomState, Person | None]:
    """
    The room, and who asks: None is the operator.

    Raises:
        RoomNotFound: If there is no such room, or it is not for them to know.
        Unauthorized: If the user has been disabled meanwhile.
        Banned: From a public room.

    """
    room = working_set.rooms.get(append.room)
    if room is None:
        raise RoomNotFound
    if append.by is None:
        return room, None
    person = working_set.people.get((append.room, append.by))
    if person is None or person.disabled:
        raise Unauthorized
    if person.role is None:
        if room.kind is not Kind.PUBLIC:
            raise RoomNotFound
        if person.is_banned(append.at):
            raise Banned
    return room, person


def role_of(room: RoomState, person: Person | None) -> Role | None:
    """What somebody may act as: an administrator, where they can see the room, as owner."""
    if person is None:
        return Role.OWNER
    if person.is_admin and room.kind is not Kind.DIRECT:
        return Role.OWNER
    return person.role


def require(
    working_set: WorkingSet, append: Append, action: Action
) -> tuple[RoomState, Person | None]:
    """
    The room and who asks, if they may do ``action`` there now.

    Raises:
        ParleyError: As :func:`require_visible`, and if they may not.

    """
    room, person = require_visible(working_set, append)
    if not may(role_of(room, person), action):
        if person is not None and person.role is None:
            raise Forbidden("Only members of this room may do that. Join it first.")
        raise Forbidden("Your role in this room doesn't allow that.")
    if room.archived_at is not None and person is not None:
        raise Forbidden("This room is archived. It can be read, not changed.")
    return room, person


def require_can_post(
    working_set: WorkingSet, append: Append, action: Action
) -> tuple[RoomState, Person]:
    """
    The room and a member of it who may speak there now.

    Raises:
        ParleyError: As :func:`require`, if they are no member, muted, or blocked.

    """
    room, person = require_visible(working_set, append)
    if person is None or person.role is None:
        raise Forbidden("Only members of this room may do that. Join it first.")
    if room.archived_at is not None:
        raise Forbidden("This room is archived. It can be read, not changed.")
    if not may(person.role, action):
        raise Forbidden("Your role in this room doesn't allow that.")
    if person.muted_until is not None and person.is_muted(append.at):
        raise Muted(
            "You are muted in this room.", retry_after=(person.muted_until - append.at) / 1000
        )
    if person.blocked:
        raise Forbidden("You can't write to this user.")
    return room, person


def require_target(
    working_set: WorkingSet, room: RoomState, person: Person | None, user: UserId
) -> Person:
    """
    The one to act on, if the one who acts ranks above them.

    Raises:
        UserNotFound: If there is no such user.
        Forbidden: If they rank as high (owners rank above everybody), or the room is a direct
            one, whose two members stay.
        Conflict: If it is oneself.

    """
    if room.kind is Kind.DIRECT and person is not None:
        raise Forbidden("The two of a direct room are all that it is for.")
    found = working_set.people.get((room.id, user))
    if found is None:
        raise UserNotFound
    if person is not None and person.user == user:
        raise Conflict("You can't do that to yourself.")
    mine = role_of(room, person)
    if mine is not Role.OWNER and found.role is not None and mine is not None:
        if RANK[found.role] >= RANK[mine]:
            raise Forbidden("They rank as high as you do in this room.")
    return found
