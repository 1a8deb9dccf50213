"""Decide requests about messages: send, edit, delete, react, pin."""

from typing import Any

from .appends import Committed, Delete, Edit, Pin, React, Send
from .authorization import require_can_post, require_visible, role_of
from .decide_mentions import mentioned_members, room_mention, use_room_mention
from .emoji_forms import bare_emoji
from .errors import Conflict, Forbidden, Invalid, SlowMode
from .events import EventType
from .ids import Millis, UserId
from .limits import MAX_EMOJIS_PER_MESSAGE
from .mentions import HERE
from .roles import Action, Role, may
from .sequence import append_event
from .working_set import Message, Person, RoomState, WorkingSet


def send(ws: WorkingSet, append: Send) -> Committed:
    """Append a message."""
    room, person = require_can_post(ws, append, Action.SEND)
    slow = room.slow_mode_seconds and _slow_mode_applies(room, person, append.at)
    if append.reply_to is not None:
        _require_not_deleted(ws.message(room, append.reply_to))
    data: dict[str, Any] | None = None
    to_room: str | None = None
    if append.data is not None:
        data = {"data": append.data}
    if append.mentions:
        if mentions := mentioned_members(ws, room, append):
            data = {**(data or {}), "mentions": mentions}
        to_room = room_mention(ws, room, person, append)
        if to_room is not None:
            use_room_mention(room, append.at)
            data = {**(data or {}), "mentions_room": to_room}
    if slow:
        person.last_sent_at, person.changed = append.at, True
    event = append_event(
        ws,
        room,
        EventType.MESSAGE_CREATED,
        append.by,
        append.at,
        ref=append.reply_to,
        text=append.text,
        data=data,
        client_id=append.client_id,
    )
    if to_room == HERE:
        ws.mentioned_present[room.id, event.seq] = append.present
    return Committed(event.seq, event.at, room=room.id)


def edit(ws: WorkingSet, append: Edit) -> Committed:
    """Replace the text of the caller's own message."""
    room, person = require_can_post(ws, append, Action.SEND)
    message = ws.message(room, append.ref)
    if message.by != append.by:
        raise Forbidden("Only the author can edit a message.")
    _require_not_deleted(message)
    if message.text == append.text:
        return Committed(None, append.at, room=room.id)
    mentions = mentioned_members(ws, room, append)
    to_room = room_mention(ws, room, person, append)
    if to_room is not None and to_room != message.mentions_room:
        use_room_mention(room, append.at)
        message.mentioned_present = append.present
    message.edited_text, message.edited_at = append.text, append.at
    message.mentions, message.mentions_room = mentions, to_room
    message.changed = True
    data: dict[str, Any] = {"mentions": mentions} if mentions else {}
    if to_room is not None:
        data["mentions_room"] = to_room
    event = append_event(
        ws,
        room,
        EventType.MESSAGE_EDITED,
        append.by,
        append.at,
        ref=append.ref,
        text=append.text,
        data=data or None,
        client_id=append.client_id,
    )
    return Committed(event.seq, event.at, room=room.id)


def delete(ws: WorkingSet, append: Delete) -> Committed:
    """Delete a message: its text, earlier texts, data and reactions."""
    room, person = require_visible(ws, append)
    if person is not None and person.role is None and not person.is_admin:
        raise Forbidden("Only members of this room may do that. Join it first.")
    # The operator may: erasing an account deletes its messages in archived rooms too.
    if room.archived_at is not None and person is not None:
        raise Forbidden("This room is archived. It can be read, not changed.")
    message = ws.message(room, append.ref)
    if message.by != append.by and not may(role_of(room, person), Action.DELETE_ANY_MESSAGE):
        raise Forbidden("Only the author or a moderator can delete a message.")
    if message.deleted_at is not None:
        return Committed(None, append.at, room=room.id)
    message.deleted_at = append.at
    message.original_text = message.edited_text = message.pinned_at = None
    message.mentions, message.mentions_room = [], None
    message.reactions = {}
    message.changed = True
    _forget_texts(ws, room, append.ref)
    data = {"author": message.by}
    event = append_event(
        ws,
        room,
        EventType.MESSAGE_DELETED,
        append.by,
        append.at,
        ref=append.ref,
        data=data,
        client_id=append.client_id,
    )
    return Committed(event.seq, event.at, room=room.id)


def react(ws: WorkingSet, append: React) -> Committed:
    """Add or remove a reaction; an event only if that changes something."""
    room, person = require_can_post(ws, append, Action.REACT)
    message = ws.message(room, append.ref)
    if append.on:
        _require_not_deleted(message)
    emoji = _stored_form(message, append.emoji, person.user)
    users = message.reactions.get(emoji, set())
    if append.on == (person.user in users):
        return Committed(None, append.at, room=room.id)
    if append.on and not users and len(message.reactions) >= MAX_EMOJIS_PER_MESSAGE:
        raise Invalid.field(
            "emoji", f"a message can have at most {MAX_EMOJIS_PER_MESSAGE} different emoji"
        )
    event = append_event(
        ws,
        room,
        EventType.REACTION_ADDED if append.on else EventType.REACTION_REMOVED,
        append.by,
        append.at,
        ref=append.ref,
        data={"emoji": emoji},
        client_id=append.client_id,
    )
    if append.on:
        message.reactions.setdefault(emoji, set()).add(person.user)
        ws.reactions_added.append((room.id, append.ref, emoji, person.user, event.seq))
    else:
        users.discard(person.user)
        if not users:
            message.reactions.pop(emoji)
        ws.reactions_removed.append((room.id, append.ref, emoji, person.user))
    return Committed(event.seq, event.at, room=room.id)


def pin(ws: WorkingSet, append: Pin) -> Committed:
    """Pin a message for the room, or unpin it."""
    room, _person = require_can_post(ws, append, Action.PIN)
    message = ws.message(room, append.ref)
    if append.on:
        _require_not_deleted(message)
    if append.on == (message.pinned_at is not None):
        return Committed(None, append.at, room=room.id)
    message.pinned_at = append.at if append.on else None
    message.changed = True
    kind = EventType.MESSAGE_PINNED if append.on else EventType.MESSAGE_UNPINNED
    event = append_event(
        ws, room, kind, append.by, append.at, ref=append.ref, client_id=append.client_id
    )
    return Committed(event.seq, event.at, room=room.id)


def _stored_form(message: Message, emoji: str, user: UserId) -> str:
    """
    The form of ``emoji`` in which it is on the message; ``emoji`` itself if it is not.

    Reactions from before forms were made one may be on it in several: the user's own goes first.
    """
    wanted = bare_emoji(emoji)
    forms = [form for form in message.reactions if bare_emoji(form) == wanted]
    own = (form for form in forms if user in message.reactions[form])
    return next(own, emoji if emoji in forms or not forms else forms[0])


def _forget_texts(ws: WorkingSet, room: RoomState, seq: int) -> None:
    """Drop the texts that retries are compared with, as in the log from the next batch on."""
    for key, event in ws.keys.items():
        edited = event.type == EventType.MESSAGE_EDITED and event.ref == seq
        if event.room == room.id and (event.seq == seq or edited):
            ws.keys[key] = event._replace(text=None)


def _require_not_deleted(message: Message) -> None:
    if message.deleted_at is not None:
        raise Conflict("This message has been deleted.")


def _slow_mode_applies(room: RoomState, person: Person, at: Millis) -> bool:
    """
    Whether slow mode applies to this member.

    Raises:
        SlowMode: If it does, and the member has to wait.

    """
    if person.role is not Role.MEMBER or person.is_admin:
        return False
    if person.last_sent_at is not None:
        wait = person.last_sent_at + room.slow_mode_seconds * 1000 - at
        if wait > 0:
            raise SlowMode("This room is in slow mode.", retry_after=wait / 1000)
    return True
