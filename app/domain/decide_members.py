"""Decide requests about members: join, add, change role, leave, remove, ban, mute."""

from typing import Any

from .appends import Admit, AnnounceErasure, Append, Ban, Committed, Join, Mute, Remove
from .authorization import require, require_target, require_visible, role_of
from .errors import Conflict, Forbidden, RoomNotFound, Unauthorized, UserNotFound
from .events import EventType
from .names import erased_username
from .roles import Action, Kind, Role, may
from .sequence import append_event
from .working_set import FOREVER, Person, RoomState, WorkingSet


def join(ws: WorkingSet, append: Join) -> Committed:
    """The caller becomes a member: of a public room, or through an invitation."""
    room, person = (
        _accept_invitation(ws, append) if append.invited else require_visible(ws, append)
    )
    if person is None or person.role is not None:
        return Committed(None, append.at, room=room.id)
    if room.archived_at is not None:
        raise Forbidden("This room is archived. It can be read, not joined.")
    return _admit(ws, room, person, append, Role.MEMBER)


def admit(ws: WorkingSet, append: Admit) -> Committed:
    """Add a user, or change the role of a member."""
    room, person = require_visible(ws, append)
    if room.kind is Kind.DIRECT:
        raise Forbidden("The two members of a direct room can't be changed.")
    target = ws.people.get((room.id, append.user))
    if target is None:
        raise UserNotFound
    role = append.role or Role.MEMBER
    if target.role is not None:
        if append.role is None or append.role is target.role:
            return Committed(None, append.at, room=room.id)
        return _change_role(ws, append, target, append.role)
    if person is target and role is Role.MEMBER:
        return join(
            ws, Join(room=append.room, by=append.by, at=append.at, client_id=append.client_id)
        )
    room, person = require(ws, append, Action.ADD_MEMBER)
    if role is not Role.MEMBER and not may(role_of(room, person), Action.CHANGE_ROLE):
        raise Forbidden("Only an owner can assign roles.")
    if target.disabled:
        raise UserNotFound
    if (target.user, append.by) in ws.blocks:
        raise Forbidden("You can't add this user.")
    if target.is_banned(append.at):
        raise Conflict("This user is banned here. Lift the ban first.")
    return _admit(ws, room, target, append, role)


def remove(ws: WorkingSet, append: Remove) -> Committed:
    """Leave, or remove a member."""
    room, person = require_visible(ws, append)
    if person is not None and person.user == append.user:
        if room.kind is Kind.DIRECT:
            raise Forbidden("A direct room can't be left.")
        if person.role is None:
            return Committed(None, append.at, room=room.id)
        _require_another_owner(ws, room, person)
        return _end_membership(ws, room, person, append, "left")
    room, person = require(ws, append, Action.REMOVE_MEMBER)
    target = require_target(ws, room, person, append.user)
    if target.role is None:
        return Committed(None, append.at, room=room.id)
    # The operator may remove the last owner of an archived room: it no longer needs one.
    if person is not None or room.archived_at is None:
        _require_another_owner(ws, room, target)
    return _end_membership(ws, room, target, append, "removed")


def announce_erasure(ws: WorkingSet, append: AnnounceErasure) -> Committed:
    """Tell by which name a user's messages go from now on."""
    room, _ = require_visible(ws, append)
    data = {"user": append.user, "as": erased_username(append.user)}
    event = append_event(ws, room, EventType.USER_ERASED, append.by, append.at, data=data)
    return Committed(event.seq, event.at, room=room.id)


def ban(ws: WorkingSet, append: Ban) -> Committed:
    """End a membership and keep the user out, or lift a ban."""
    room, person = require(ws, append, Action.BAN)
    target = require_target(ws, room, person, append.user)
    until = (append.until or FOREVER) if append.on else None
    if append.on and target.role is not None:
        _require_another_owner(ws, room, target)
        target.banned_until = until
        return _end_membership(ws, room, target, append, "banned")
    current = target.banned_until if target.is_banned(append.at) else None
    if until == current:
        return Committed(None, append.at, room=room.id)
    target.banned_until = until
    return _update(ws, room, target, append, {"banned_until": until})


def mute(ws: WorkingSet, append: Mute) -> Committed:
    """Stop a member from posting, or lift a mute."""
    room, person = require(ws, append, Action.MUTE)
    target = require_target(ws, room, person, append.user)
    if target.role is None:
        if not append.on:
            return Committed(None, append.at, room=room.id)
        raise Conflict("Only a member can be muted.")
    until = (append.until or FOREVER) if append.on else None
    current = target.muted_until if target.is_muted(append.at) else None
    if until == current:
        return Committed(None, append.at, room=room.id)
    target.muted_until = until
    return _update(ws, room, target, append, {"muted_until": until})


def _accept_invitation(ws: WorkingSet, append: Join) -> tuple[RoomState, Person | None]:
    room = ws.rooms.get(append.room)
    # No invitation opens a direct room.
    if room is None or append.by is None or room.kind is Kind.DIRECT:
        raise RoomNotFound
    person = ws.people.get((append.room, append.by))
    if person is None or person.disabled:
        raise Unauthorized
    if person.role is None and person.is_banned(append.at):
        raise RoomNotFound
    return room, person


def _admit(
    ws: WorkingSet, room: RoomState, person: Person, append: Append, role: Role
) -> Committed:
    # Messages from before the user joined don't count as unread.
    person.read_seq = max(person.read_seq, room.head)
    person.role, person.joined_at = role, append.at
    # A mute survives leaving and rejoining.
    person.muted_until = person.muted_until if person.is_muted(append.at) else None
    person.banned_until = None
    person.changed = True
    event = append_event(
        ws,
        room,
        EventType.MEMBER_JOINED,
        append.by,
        append.at,
        data={"user": person.user},
        client_id=append.client_id,
    )
    ws.mentionable[room.id, person.username] = person.user
    # Clients derive the members from events alone, so a role or mute needs an event of its own.
    extra: dict[str, Any] = {}
    if role is not Role.MEMBER:
        ws.owners.setdefault(room.id, set())
        extra["role"] = _set_role(ws, room, person, role)
    if person.muted_until is not None:
        extra["muted_until"] = person.muted_until
    if extra:
        return _update(ws, room, person, append, extra)
    return Committed(event.seq, event.at, room=room.id)


def _change_role(ws: WorkingSet, append: Admit, target: Person, role: Role) -> Committed:
    room, _person = require(ws, append, Action.CHANGE_ROLE)
    if role is not Role.OWNER:
        _require_another_owner(ws, room, target)
    return _update(ws, room, target, append, {"role": _set_role(ws, room, target, role)})


def _set_role(ws: WorkingSet, room: RoomState, target: Person, role: Role) -> str:
    """Set the role; returns its name on the wire."""
    owners = ws.owners[room.id]
    if role is Role.OWNER:
        owners.add(target.user)
    else:
        owners.discard(target.user)
    target.role = role
    return role.value


def _require_another_owner(ws: WorkingSet, room: RoomState, person: Person) -> None:
    if person.role is Role.OWNER and ws.owners[room.id] == {person.user}:
        raise Conflict(
            "A room needs an owner. Make another member owner first, or archive the room."
        )


def _end_membership(
    ws: WorkingSet, room: RoomState, person: Person, append: Append, reason: str
) -> Committed:
    person.role = person.joined_at = None
    person.changed = True
    ws.owners.get(room.id, set()).discard(person.user)
    ws.mentionable.pop((room.id, person.username), None)
    event = append_event(
        ws,
        room,
        EventType.MEMBER_LEFT,
        append.by,
        append.at,
        data={"user": person.user, "reason": reason},
        client_id=append.client_id,
    )
    return Committed(event.seq, event.at, room=room.id)


def _update(
    ws: WorkingSet, room: RoomState, person: Person, append: Append, what: dict[str, Any]
) -> Committed:
    person.changed = True
    event = append_event(
        ws,
        room,
        EventType.MEMBER_UPDATED,
        append.by,
        append.at,
        data={"user": person.user, **what},
    )
    return Committed(event.seq, event.at, room=room.id)
