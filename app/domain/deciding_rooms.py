"""Rooms: create, change, archive, and the room of two."""

from typing import Any

from app.domain.appends import Committed, CreateRoom, OpenDirect, UpdateRoom
from app.domain.authority import NOBODY, require_visible, role_of
from app.domain.errors import (
    Conflict,
    Forbidden,
    RoomExists,
    RoomNotFound,
    Unauthorized,
    UserNotFound,
)
from app.domain.events import EventType
from app.domain.ids import UserId
from app.domain.roles import Action, Kind, Role, may
from app.domain.working_set import Person, RoomState, WorkingSet


def create(ws: WorkingSet, a: CreateRoom) -> Committed:
    """Make a room; its log starts with ``room.created``, which names the owner."""
    if a.by is not None:
        _user(ws, a.by)
    if a.name in ws.room_names:
        raise RoomExists
    room = _new_room(ws, a, a.name, a.title, a.kind, None)
    ws.room_names[a.name] = room.id
    if a.by is not None:
        _first_member(ws, room, a.by, Role.OWNER)
    return Committed(room.head, a.at, room=room.id)


def update(ws: WorkingSet, a: UpdateRoom) -> Committed:
    """Change the title, slow mode, or whether the room is archived."""
    if a.as_operator:
        found = ws.rooms.get(a.room)
        if found is None:
            raise RoomNotFound
        room, role = found, Role.OWNER
    else:
        room, person = require_visible(ws, a)
        role = role_of(room, person) or Role.MEMBER
        if person is not None and person.role is None and not person.is_admin:
            raise Forbidden("Only members of this room may do that. Join it first.")
        if room.kind is Kind.DIRECT:
            raise Forbidden("A direct room has nothing to set.")
    archive = a.archived is not None and a.archived != (room.archived_at is not None)
    if a.archived is not None and not may(role, Action.ARCHIVE):
        raise Forbidden("Only an owner can archive or reopen a room.")
    changes: dict[str, Any] = {}
    if a.title is not None and a.title != room.title:
        changes["title"] = a.title
    if a.slow_mode_seconds is not None and a.slow_mode_seconds != room.slow_mode_seconds:
        changes["slow_mode_seconds"] = a.slow_mode_seconds
    asked = a.title is not None or a.slow_mode_seconds is not None
    if asked and not may(role, Action.UPDATE_ROOM):
        raise Forbidden("Your role in this room doesn't allow that.")
    if changes and room.archived_at is not None and a.archived is not False:
        raise Forbidden("This room is archived. Reopen it first.")
    if not changes and not archive:
        return Committed(None, a.at, room=room.id)
    _apply(ws, room, a, changes, archive=archive)
    return Committed(room.head, a.at, room=room.id)


def open_direct(ws: WorkingSet, a: OpenDirect) -> Committed:
    """The room of two users, made if there is none."""
    if a.by is None:
        raise Forbidden("The operator is nobody to talk to.")
    me = _user(ws, a.by)
    other = ws.people.get((NOBODY, a.user))
    if other is None:
        raise UserNotFound
    if me.user == other.user:
        raise Conflict("A direct room is for two.")
    if (other.user, me.user) in ws.blocks:
        raise Forbidden("You can't write to this user.")
    key = direct_key(me.user, other.user)
    existing = ws.direct_rooms.get(key)
    if existing is not None:
        return Committed(None, a.at, room=existing)
    if other.disabled:
        raise UserNotFound
    room = _new_room(ws, a, a.name, "", Kind.DIRECT, key)
    ws.direct_rooms[key] = room.id
    _first_member(ws, room, me.user, Role.MEMBER)
    _first_member(ws, room, other.user, Role.MEMBER)
    ws.append(room, EventType.MEMBER_JOINED, a.by, a.at, data={"user": other.user})
    return Committed(room.head, a.at, room=room.id)


def direct_key(a: UserId, b: UserId) -> str:
    """What the direct room of two users is found by, whoever asks."""
    low, high = sorted((a, b))
    return f"{low}:{high}"


def _user(ws: WorkingSet, user: UserId) -> Person:
    person = ws.people.get((NOBODY, user))
    if person is None or person.disabled:
        raise Unauthorized
    return person


def _new_room(
    ws: WorkingSet,
    a: CreateRoom | OpenDirect,
    name: str,
    title: str,
    kind: Kind,
    key: str | None,
) -> RoomState:
    room = RoomState(
        id=next(ws.room_ids),
        name=name,
        title=title,
        kind=kind,
        head=0,
        first=1,
        slow_mode_seconds=0,
        created_at=a.at,
        archived_at=None,
        direct_key=key,
        is_new=True,
    )
    ws.rooms[room.id] = room
    data = {"title": title, "kind": kind.value, "slow_mode_seconds": 0}
    ws.append(room, EventType.ROOM_CREATED, a.by, a.at, data=data, client_id=a.client_id)
    return room


def _first_member(ws: WorkingSet, room: RoomState, user: UserId, role: Role) -> None:
    known = ws.people[NOBODY, user]
    ws.people[room.id, user] = Person(
        room=room.id,
        user=user,
        username=known.username,
        is_admin=known.is_admin,
        disabled=known.disabled,
        role=role,
        joined_at=room.created_at,
        changed=True,
    )
    if role is Role.OWNER:
        ws.owners.setdefault(room.id, set()).add(user)
    ws.mentionable[room.id, known.username] = user


def _apply(
    ws: WorkingSet, room: RoomState, a: UpdateRoom, changes: dict[str, Any], *, archive: bool
) -> None:
    room.changed = True
    if archive and not a.archived:
        room.archived_at = None
        ws.append(room, EventType.ROOM_REOPENED, a.by, a.at)
    if changes:
        room.title = changes.get("title", room.title)
        room.slow_mode_seconds = changes.get("slow_mode_seconds", room.slow_mode_seconds)
        ws.append(room, EventType.ROOM_UPDATED, a.by, a.at, data=changes)
    if archive and a.archived:
        room.archived_at = a.at
        ws.append(room, EventType.ROOM_ARCHIVED, a.by, a.at)
