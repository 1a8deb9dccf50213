"""
What becomes of an append, decided against the working set.

    the key first: a retry gets its first answer, whatever has changed since
    then authority: who is this, in this room, now
    then content: is there such a message, does anything change

The same for every request; :mod:`app.domain.deciding_messages` and its neighbours hold the
part of each.
"""

from collections.abc import Callable
from typing import Any

from app.domain import deciding_members, deciding_messages, deciding_rooms
from app.domain.appends import (
    Admit,
    Append,
    Ban,
    Committed,
    CreateRoom,
    Delete,
    Edit,
    Join,
    Mute,
    OpenDirect,
    Pin,
    React,
    Remove,
    Send,
    UpdateRoom,
)
from app.domain.errors import IdReused
from app.domain.events import Event, EventType
from app.domain.working_set import WorkingSet

_DECIDE: dict[type[Append], Callable[[WorkingSet, Any], Committed]] = {
    Send: deciding_messages.send,
    Edit: deciding_messages.edit,
    Delete: deciding_messages.delete,
    React: deciding_messages.react,
    Pin: deciding_messages.pin,
    Join: deciding_members.join,
    Admit: deciding_members.admit,
    Remove: deciding_members.remove,
    Ban: deciding_members.ban,
    Mute: deciding_members.mute,
    UpdateRoom: deciding_rooms.update,
    CreateRoom: deciding_rooms.create,
    OpenDirect: deciding_rooms.open_direct,
}


def decide(working_set: WorkingSet, append: Append) -> Committed:
    """
    Carry out ``append`` on the working set.

    Raises:
        ParleyError: Why it is refused; the working set is as before.

    """
    if append.client_id is not None:
        before = working_set.keys.get((append.room, append.by, append.client_id))
        if before is not None:
            if not _is_same(append, before):
                raise IdReused
            return Committed(before.seq, before.at, duplicate=True, room=append.room)
    return _DECIDE[type(append)](working_set, append)


def _is_same(append: Append, event: Event) -> bool:
    """Whether ``event`` is what ``append`` asks for. A blanked text can't tell any more."""
    data = event.data or {}
    match append:
        case Send(text=text, reply_to=reply_to, data=own):
            return event.type == EventType.MESSAGE_CREATED and (
                event.text is None
                or (event.text, event.ref, data.get("data")) == (text, reply_to, own)
            )
        case Edit(ref=ref, text=text):
            return (event.type, event.ref) == (EventType.MESSAGE_EDITED, ref) and (
                event.text is None or event.text == text
            )
        case Delete(ref=ref):
            return (event.type, event.ref) == (EventType.MESSAGE_DELETED, ref)
        case React(ref=ref, emoji=emoji, on=on):
            kind = EventType.REACTION_ADDED if on else EventType.REACTION_REMOVED
            return (event.type, event.ref, data.get("emoji")) == (kind, ref, emoji)
        case Pin(ref=ref, on=on):
            kind = EventType.MESSAGE_PINNED if on else EventType.MESSAGE_UNPINNED
            return (event.type, event.ref) == (kind, ref)
    return False
