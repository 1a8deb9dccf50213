"""Messages: send, edit, delete, react, pin."""

from typing import Any

from app.domain.appends import Committed, Delete, Edit, Pin, React, Send
from app.domain.authority import require_can_post, require_visible, role_of
from app.domain.errors import Conflict, Forbidden, Invalid, SlowMode
from app.domain.events import EventType
from app.domain.ids import Millis, UserId
from app.domain.limits import MAX_EMOJIS_PER_MESSAGE
from app.domain.roles import Action, Role, may
from app.domain.working_set import Message, Person, RoomState, WorkingSet


def send(ws: WorkingSet, a: Send) -> Committed:
    """Append a message."""
    room, person = require_can_post(ws, a, Action.SEND)
    slow = room.slow_mode_seconds and _is_slowed(room, person, a.at)
    if a.reply_to is not None:
        _alive(ws.message(room, a.reply_to))
    if slow:
        person.last_sent_at, person.changed = a.at, True
    data: dict[str, Any] | None = None
    if a.data is not None:
        data = {"data": a.data}
    if a.mentions and (mentions := _members_named(ws, room, a.mentions)):
        data = {**(data or {}), "mentions": mentions}
    event = ws.append(
        room,
        EventType.MESSAGE_CREATED,
        a.by,
        a.at,
        ref=a.reply_to,
        text=a.text,
        data=data,
        client_id=a.client_id,
    )
    return Committed(event.seq, event.at, room=room.id)


def edit(ws: WorkingSet, a: Edit) -> Committed:
    """Give one's own message another wording."""
    room, _person = require_can_post(ws, a, Action.SEND)
    message = ws.message(room, a.ref)
    if message.by != a.by:
        raise Forbidden("Only its author can edit a message.")
    _alive(message)
    if message.text == a.text:
        return Committed(None, a.at, room=room.id)
    mentions = _members_named(ws, room, a.mentions)
    message.edited_text, message.edited_at = a.text, a.at
    message.mentions = mentions
    message.changed = True
    data = {"mentions": mentions} if mentions else None
    event = ws.append(
        room,
        EventType.MESSAGE_EDITED,
        a.by,
        a.at,
        ref=a.ref,
        text=a.text,
        data=data,
        client_id=a.client_id,
    )
    return Committed(event.seq, event.at, room=room.id)


def delete(ws: WorkingSet, a: Delete) -> Committed:
    """Blank a message, and every wording that it ever had."""
    room, person = require_visible(ws, a)
    if person is not None and person.role is None and not person.is_admin:
        raise Forbidden("Only members of this room may do that. Join it first.")
    # The operator may: an account is erased in archived rooms, too.
    if room.archived_at is not None and person is not None:
        raise Forbidden("This room is archived. It can be read, not changed.")
    message = ws.message(room, a.ref)
    if message.by != a.by and not may(role_of(room, person), Action.DELETE_ANY_MESSAGE):
        raise Forbidden("Only its author or a moderator can delete a message.")
    if message.deleted_at is not None:
        return Committed(None, a.at, room=room.id)
    message.deleted_at = a.at
    message.said = message.edited_text = message.pinned_at = None
    message.mentions = []
    message.reactions = {}
    message.changed = True
    _forget_wordings(ws, room, a.ref)
    data = {"author": message.by}
    event = ws.append(
        room,
        EventType.MESSAGE_DELETED,
        a.by,
        a.at,
        ref=a.ref,
        data=data,
        client_id=a.client_id,
    )
    return Committed(event.seq, event.at, room=room.id)


def react(ws: WorkingSet, a: React) -> Committed:
    """Put an emoji on a message, or take it off: an event only if that changes something."""
    room, person = require_can_post(ws, a, Action.REACT)
    message = ws.message(room, a.ref)
    if a.on:
        _alive(message)
    who = message.reactions.get(a.emoji, set())
    if a.on == (person.user in who):
        return Committed(None, a.at, room=room.id)
    if a.on and not who and len(message.reactions) >= MAX_EMOJIS_PER_MESSAGE:
        raise Invalid.field("emoji", f"a message takes {MAX_EMOJIS_PER_MESSAGE} different ones")
    event = ws.append(
        room,
        EventType.REACTION_ADDED if a.on else EventType.REACTION_REMOVED,
        a.by,
        a.at,
        ref=a.ref,
        data={"emoji": a.emoji},
        client_id=a.client_id,
    )
    if a.on:
        message.reactions.setdefault(a.emoji, set()).add(person.user)
        ws.reactions_added.append((room.id, a.ref, a.emoji, person.user, event.seq))
    else:
        who.discard(person.user)
        if not who:
            message.reactions.pop(a.emoji)
        ws.reactions_removed.append((room.id, a.ref, a.emoji, person.user))
    return Committed(event.seq, event.at, room=room.id)


def pin(ws: WorkingSet, a: Pin) -> Committed:
    """Pin a message for the room, or unpin it."""
    room, _person = require_can_post(ws, a, Action.PIN)
    message = ws.message(room, a.ref)
    if a.on:
        _alive(message)
    if a.on == (message.pinned_at is not None):
        return Committed(None, a.at, room=room.id)
    message.pinned_at = a.at if a.on else None
    message.changed = True
    kind = EventType.MESSAGE_PINNED if a.on else EventType.MESSAGE_UNPINNED
    event = ws.append(room, kind, a.by, a.at, ref=a.ref, client_id=a.client_id)
    return Committed(event.seq, event.at, room=room.id)


def _forget_wordings(ws: WorkingSet, room: RoomState, seq: int) -> None:
    """A retry that comes in the same batch is answered like one that comes later."""
    for key, event in ws.keys.items():
        edited = event.type == EventType.MESSAGE_EDITED and event.ref == seq
        if event.room == room.id and (event.seq == seq or edited):
            ws.keys[key] = event._replace(text=None)


def _alive(message: Message) -> None:
    if message.deleted_at is not None:
        raise Conflict("This message has been deleted.")


def _is_slowed(room: RoomState, person: Person, at: Millis) -> bool:
    """Whether slow mode is for this person; raises if they have to wait."""
    if person.role is not Role.MEMBER or person.is_admin:
        return False
    if person.last_sent_at is not None:
        wait = person.last_sent_at + room.slow_mode_seconds * 1000 - at
        if wait > 0:
            raise SlowMode("This room is in slow mode.", retry_after=wait / 1000)
    return True


def _members_named(ws: WorkingSet, room: RoomState, names: list[str]) -> list[UserId]:
    found = (ws.mentionable.get((room.id, name)) for name in names)
    return [user for user in found if user is not None]
