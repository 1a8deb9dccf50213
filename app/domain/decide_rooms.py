"""Decide requests about rooms: create, update, archive, open a direct room."""

from typing import Any

from .appends import Committed, CreateRoom, OpenDirect, UpdateRoom
from .authorization import require_visible, role_of
from .errors import (
    Conflict,
    Forbidden,
    RoomExists,
    RoomNotFound,
    Unauthorized,
    UserNotFound,
)
from .events import EventType
from .ids import UserId
from .roles import Action, Kind, Role, may
from .sequence import append_event
from .working_set import NO_ROOM, Person, RoomState, WorkingSet


def create(ws: WorkingSet, append: CreateRoom) -> Committed:
    """Create a room; its log starts with ``room.created``, whose ``by`` is the owner."""
    if append.by is not None:
        _require_user(ws, append.by)
    if append.name in ws.room_names:
        raise RoomExists
    room = _new_room(ws, append, append.name, append.title, append.kind, None)
    ws.room_names[append.name] = room.id
    if append.by is not None:
        _first_member(ws, room, append.by, Role.OWNER)
    return Committed(room.head, append.at, room=room.id)


def update(ws: WorkingSet, append: UpdateRoom) -> Committed:
    """Change the title, slow mode, or whether the room is archived."""
    if append.as_operator:
        found = ws.rooms.get(append.room)
        if found is None:
            raise RoomNotFound
        room, role = found, Role.OWNER
    else:
        room, person = require_visible(ws, append)
        role = role_of(room, person) or Role.MEMBER
        if person is not None and person.role is None and not person.is_admin:
            raise Forbidden("Only members of this room may do that. Join it first.")
        if room.kind is Kind.DIRECT:
            raise Forbidden("A direct room has no settings.")
    archive = append.archived is not None and append.archived != (room.archived_at is not None)
    if append.archived is not None and not may(role, Action.ARCHIVE):
        raise Forbidden("Only an owner can archive or reopen a room.")
    changes: dict[str, Any] = {}
    if append.title is not None and append.title != room.title:
        changes["title"] = append.title
    if append.slow_mode_seconds is not None and append.slow_mode_seconds != room.slow_mode_seconds:
        changes["slow_mode_seconds"] = append.slow_mode_seconds
    lowest = append.room_mention_role
    if lowest is not None and lowest is not room.room_mention_role:
        changes["room_mention_role"] = lowest.value
    settings = (append.title, append.slow_mode_seconds, lowest)
    changes_settings = any(setting is not None for setting in settings)
    if changes_settings and not may(role, Action.UPDATE_ROOM):
        raise Forbidden("Your role in this room doesn't allow that.")
    if changes and room.archived_at is not None and append.archived is not False:
        raise Forbidden("This room is archived. Reopen it first.")
    if not changes and not archive:
        return Committed(None, append.at, room=room.id)
    _apply(ws, room, append, changes, archive=archive)
    return Committed(room.head, append.at, room=room.id)


def open_direct(ws: WorkingSet, append: OpenDirect) -> Committed:
    """Return the direct room of two users; create it if there is none."""
    if append.by is None:
        raise Forbidden("The operator has no direct rooms.")
    me = _require_user(ws, append.by)
    other = ws.people.get((NO_ROOM, append.user))
    if other is None:
        raise UserNotFound
    if me.user == other.user:
        raise Conflict("You can't open a direct room with yourself.")
    if (other.user, me.user) in ws.blocks:
        raise Forbidden("You can't write to this user.")
    key = direct_key(me.user, other.user)
    existing = ws.direct_rooms.get(key)
    if existing is not None:
        return Committed(None, append.at, room=existing)
    if other.disabled:
        raise UserNotFound
    room = _new_room(ws, append, append.name, "", Kind.DIRECT, key)
    ws.direct_rooms[key] = room.id
    _first_member(ws, room, me.user, Role.MEMBER)
    _first_member(ws, room, other.user, Role.MEMBER)
    append_event(
        ws, room, EventType.MEMBER_JOINED, append.by, append.at, data={"user": other.user}
    )
    return Committed(room.head, append.at, room=room.id)


def direct_key(a: UserId, b: UserId) -> str:
    """The key of two users' direct room; the order of the arguments doesn't matter."""
    low, high = sorted((a, b))
    return f"{low}:{high}"


def _require_user(ws: WorkingSet, user: UserId) -> Person:
    person = ws.people.get((NO_ROOM, user))
    if person is None or person.disabled:
        raise Unauthorized
    return person


def _new_room(
    ws: WorkingSet,
    append: CreateRoom | OpenDirect,
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
        created_at=append.at,
        archived_at=None,
        direct_key=key,
        is_new=True,
    )
    ws.rooms[room.id] = room
    data = {"title": title, "kind": kind.value, "slow_mode_seconds": 0}
    append_event(
        ws,
        room,
        EventType.ROOM_CREATED,
        append.by,
        append.at,
        data=data,
        client_id=append.client_id,
    )
    return room


def _first_member(ws: WorkingSet, room: RoomState, user: UserId, role: Role) -> None:
    known = ws.people[NO_ROOM, user]
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
    ws: WorkingSet, room: RoomState, append: UpdateRoom, changes: dict[str, Any], *, archive: bool
) -> None:
    room.changed = True
    if archive and not append.archived:
        room.archived_at = None
        append_event(ws, room, EventType.ROOM_REOPENED, append.by, append.at)
    if changes:
        room.title = changes.get("title", room.title)
        room.slow_mode_seconds = changes.get("slow_mode_seconds", room.slow_mode_seconds)
        room.room_mention_role = append.room_mention_role or room.room_mention_role
        append_event(ws, room, EventType.ROOM_UPDATED, append.by, append.at, data=changes)
    if archive and append.archived:
        room.archived_at = append.at
        append_event(ws, room, EventType.ROOM_ARCHIVED, append.by, append.at)
