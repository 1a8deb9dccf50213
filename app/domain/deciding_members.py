"""Membership: join, add, promote, leave, remove, ban, mute."""

from typing import Any

from app.domain.appends import Admit, Append, Ban, Committed, Join, Mute, Remove
from app.domain.authority import require, require_target, require_visible, role_of
from app.domain.errors import Conflict, Forbidden, RoomNotFound, Unauthorized, UserNotFound
from app.domain.events import EventType
from app.domain.roles import Action, Kind, Role, may
from app.domain.working_set import FOREVER, Person, RoomState, WorkingSet


def join(ws: WorkingSet, a: Join) -> Committed:
    """Become a member by oneself: of a public room, or by an invitation."""
    room, person = _invited(ws, a) if a.invited else require_visible(ws, a)
    if person is None or person.role is not None:
        return Committed(None, a.at, room=room.id)
    if room.archived_at is not None:
        raise Forbidden("This room is archived. It can be read, not joined.")
    return _admit(ws, room, person, a, Role.MEMBER)


def admit(ws: WorkingSet, a: Admit) -> Committed:
    """Add somebody, or change the role of a member."""
    room, person = require_visible(ws, a)
    if room.kind is Kind.DIRECT:
        raise Forbidden("The two of a direct room are all that it is for.")
    found = ws.people.get((room.id, a.user))
    if found is None:
        raise UserNotFound
    role = a.role or Role.MEMBER
    if found.role is not None:
        if a.role is None or a.role is found.role:
            return Committed(None, a.at, room=room.id)
        return _change_role(ws, a, found, a.role)
    if person is found and role is Role.MEMBER:
        return join(ws, Join(room=a.room, by=a.by, at=a.at, client_id=a.client_id))
    room, person = require(ws, a, Action.ADD_MEMBER)
    if role is not Role.MEMBER and not may(role_of(room, person), Action.CHANGE_ROLE):
        raise Forbidden("Only an owner can give a role.")
    if found.disabled:
        raise UserNotFound
    if found.is_banned(a.at):
        raise Conflict("This user is banned here. Lift the ban first.")
    return _admit(ws, room, found, a, role)


def remove(ws: WorkingSet, a: Remove) -> Committed:
    """Leave, or remove a member."""
    room, person = require_visible(ws, a)
    if person is not None and person.user == a.user:
        if room.kind is Kind.DIRECT:
            raise Forbidden("A direct room can't be left.")
        if person.role is None:
            return Committed(None, a.at, room=room.id)
        _keep_an_owner(ws, room, person)
        return _expel(ws, room, person, a, "left")
    room, person = require(ws, a, Action.REMOVE_MEMBER)
    found = require_target(ws, room, person, a.user)
    if found.role is None:
        return Committed(None, a.at, room=room.id)
    # The operator may take the last owner from an archived room: it needs none any more.
    if person is not None or room.archived_at is None:
        _keep_an_owner(ws, room, found)
    return _expel(ws, room, found, a, "removed")


def ban(ws: WorkingSet, a: Ban) -> Committed:
    """End somebody's membership and keep them out, or let them come again."""
    room, person = require(ws, a, Action.BAN)
    found = require_target(ws, room, person, a.user)
    until = (a.until or FOREVER) if a.on else None
    if a.on and found.role is not None:
        _keep_an_owner(ws, room, found)
        found.banned_until = until
        return _expel(ws, room, found, a, "banned")
    # A ban that has run out is none.
    now = found.banned_until if found.is_banned(a.at) else None
    if until == now:
        return Committed(None, a.at, room=room.id)
    found.banned_until = until
    return _update(ws, room, found, a, {"banned_until": until})


def mute(ws: WorkingSet, a: Mute) -> Committed:
    """Let a member listen only, or speak again."""
    room, person = require(ws, a, Action.MUTE)
    found = require_target(ws, room, person, a.user)
    if found.role is None:
        if not a.on:
            return Committed(None, a.at, room=room.id)
        raise Conflict("Only a member can be muted.")
    until = (a.until or FOREVER) if a.on else None
    now = found.muted_until if found.is_muted(a.at) else None
    if until == now:
        return Committed(None, a.at, room=room.id)
    found.muted_until = until
    return _update(ws, room, found, a, {"muted_until": until})


def _invited(ws: WorkingSet, a: Join) -> tuple[RoomState, Person | None]:
    room = ws.rooms.get(a.room)
    # A direct room is for the two that made it, whatever code somebody has.
    if room is None or a.by is None or room.kind is Kind.DIRECT:
        raise RoomNotFound
    person = ws.people.get((a.room, a.by))
    if person is None or person.disabled:
        raise Unauthorized
    if person.role is None and person.is_banned(a.at):
        raise RoomNotFound
    return room, person


def _admit(ws: WorkingSet, room: RoomState, person: Person, a: Append, role: Role) -> Committed:
    # What was said before they came is not unread.
    person.read_seq = max(person.read_seq, room.head)
    person.role, person.joined_at, person.muted_until = role, a.at, _still(person, a)
    person.banned_until = None
    person.changed = True
    event = ws.append(
        room,
        EventType.MEMBER_JOINED,
        a.by,
        a.at,
        data={"user": person.user},
        client_id=a.client_id,
    )
    ws.mentionable[room.id, person.username] = person.user
    # What else they are from now on: whoever holds the room by its events must know it, too.
    also: dict[str, Any] = {}
    if role is not Role.MEMBER:
        ws.owners.setdefault(room.id, set())
        also["role"] = _given(ws, room, person, role)
    if person.muted_until is not None:
        also["muted_until"] = person.muted_until
    if also:
        return _update(ws, room, person, a, also)
    return Committed(event.seq, event.at, room=room.id)


def _still(person: Person, a: Append) -> Any:
    """A mute outlives leaving and coming back."""
    return person.muted_until if person.is_muted(a.at) else None


def _change_role(ws: WorkingSet, a: Admit, found: Person, role: Role) -> Committed:
    room, _person = require(ws, a, Action.CHANGE_ROLE)
    if role is not Role.OWNER:
        _keep_an_owner(ws, room, found)
    return _update(ws, room, found, a, {"role": _given(ws, room, found, role)})


def _given(ws: WorkingSet, room: RoomState, found: Person, role: Role) -> str:
    """Give ``role``; its name."""
    owners = ws.owners[room.id]
    if role is Role.OWNER:
        owners.add(found.user)
    else:
        owners.discard(found.user)
    found.role = role
    return role.value


def _keep_an_owner(ws: WorkingSet, room: RoomState, person: Person) -> None:
    if person.role is Role.OWNER and ws.owners[room.id] == {person.user}:
        raise Conflict("A room needs an owner. Make somebody else owner first, or archive it.")


def _expel(ws: WorkingSet, room: RoomState, person: Person, a: Append, reason: str) -> Committed:
    person.role = person.joined_at = None
    person.changed = True
    ws.owners.get(room.id, set()).discard(person.user)
    ws.mentionable.pop((room.id, person.username), None)
    event = ws.append(
        room,
        EventType.MEMBER_LEFT,
        a.by,
        a.at,
        data={"user": person.user, "reason": reason},
        client_id=a.client_id,
    )
    return Committed(event.seq, event.at, room=room.id)


def _update(
    ws: WorkingSet, room: RoomState, person: Person, a: Append, what: dict[str, Any]
) -> Committed:
    person.changed = True
    event = ws.append(
        room, EventType.MEMBER_UPDATED, a.by, a.at, data={"user": person.user, **what}
    )
    return Committed(event.seq, event.at, room=room.id)
