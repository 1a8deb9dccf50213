"""
Who may do what in a room: every refusal of access is raised here.

The table of roles and actions is :mod:`app.domain.roles`. Reads are checked against
:class:`RoomAccess`, appends against the working set of their batch, inside its transaction.
"""

from typing import TypeVar

from .appends import Append
from .errors import (
    Banned,
    Conflict,
    Forbidden,
    Muted,
    RoomNotFound,
    Unauthorized,
    UserNotFound,
)
from .ids import NOWHERE, UserId
from .roles import RANK, Action, Kind, Role, may
from .views import RoomAccess
from .working_set import Person, RoomState, WorkingSet

A = TypeVar("A", bound=RoomAccess)


def authorize_read(access: A | None, at: int) -> A:
    """
    Return ``access`` if its user may read the room at ``at``.

    Raises:
        RoomNotFound: If there is no such room, or the user may not know that it exists.
        Banned: If the user is banned from this public room.

    """
    if access is None:
        raise RoomNotFound
    if access.may_read(at):
        return access
    if access.kind is Kind.PUBLIC:
        raise Banned
    raise RoomNotFound


def effective_role(access: RoomAccess, *, is_admin: bool) -> Role | None:
    """The role that a user acts with, outside a batch: an administrator acts as owner."""
    if is_admin and access.kind is not Kind.DIRECT:
        return Role.OWNER
    return access.role


def require_visible(working_set: WorkingSet, append: Append) -> tuple[RoomState, Person | None]:
    """
    Return the room and the caller, if the caller may know of the room.

    The person is None for the operator.

    Raises:
        RoomNotFound: If there is no such room, or the caller may not know that it exists.
        Unauthorized: If the caller's account is gone or has been disabled.
        Banned: If the caller is banned from this public room.

    """
    room = working_set.rooms.get(append.room)
    if room is None:
        raise RoomNotFound
    if append.by is None:
        if append.room == NOWHERE:
            raise RoomNotFound
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
    """The role that a person acts with: the operator and administrators act as owner."""
    if person is None:
        return Role.OWNER
    if person.is_admin and room.kind is not Kind.DIRECT:
        return Role.OWNER
    return person.role


def require(
    working_set: WorkingSet, append: Append, action: Action
) -> tuple[RoomState, Person | None]:
    """
    Return the room and the caller, if the caller may perform ``action`` there now.

    Raises:
        ParleyError: As :func:`require_visible`.
        Forbidden: If the role doesn't allow it, or the room is archived.

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
    Return the room and the calling member, if that member may post there now.

    Raises:
        ParleyError: As :func:`require`.
        Forbidden: If the caller is not a member, or is blocked in a direct room.
        Muted: If the member is muted; ``retry_after`` is the rest of the mute in seconds.

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
    Return the user to act on, if ``person`` outranks them. Owners may act on other owners.

    Raises:
        UserNotFound: If there is no such user.
        Forbidden: If the user's role is as high, or the room is direct.
        Conflict: If the user is ``person``.

    """
    if room.kind is Kind.DIRECT and person is not None:
        raise Forbidden("The two members of a direct room can't be changed.")
    target = working_set.people.get((room.id, user))
    if target is None:
        raise UserNotFound
    if person is not None and person.user == user:
        raise Conflict("You can't do that to yourself.")
    role = role_of(room, person)
    if role is not Role.OWNER and target.role is not None and role is not None:
        if RANK[target.role] >= RANK[role]:
            raise Forbidden("This user's role is not below yours in this room.")
    return target
