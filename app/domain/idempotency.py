"""
Retries: recognise a request whose client id was used before.

A client id (``id`` on the socket, ``Idempotency-Key`` over HTTP) is unique per room and user for
as long as its event is kept. Sending the same request again returns the first result; sending a
different request with the same id is refused.
"""

from .appends import Append, Committed, Delete, Edit, Pin, React, Send
from .emoji_forms import bare_emoji
from .errors import IdReused
from .events import Event, EventType
from .working_set import WorkingSet


def first_result(working_set: WorkingSet, append: Append) -> Committed | None:
    """
    The result of an earlier request with the same client id; None if ``append`` is new.

    Raises:
        IdReused: If the earlier request was a different one.

    """
    if append.client_id is None:
        return None
    event = working_set.keys.get((append.room, append.by, append.client_id))
    if event is None:
        return None
    if not _is_same_request(append, event):
        raise IdReused
    return Committed(event.seq, event.at, duplicate=True, room=append.room)


def _is_same_request(append: Append, event: Event) -> bool:
    """Whether ``append`` asks for what ``event`` records. A deleted text matches any text."""
    data = event.data or {}
    match append:
        case Send(text=text, reply_to=reply_to, data=client_data):
            return event.type == EventType.MESSAGE_CREATED and (
                event.text is None
                or (event.text, event.ref, data.get("data")) == (text, reply_to, client_data)
            )
        case Edit(ref=ref, text=text):
            return (event.type, event.ref) == (EventType.MESSAGE_EDITED, ref) and (
                event.text is None or event.text == text
            )
        case Delete(ref=ref):
            return (event.type, event.ref) == (EventType.MESSAGE_DELETED, ref)
        case React(ref=ref, emoji=emoji, on=on):
            kind = EventType.REACTION_ADDED if on else EventType.REACTION_REMOVED
            is_same = bare_emoji(data.get("emoji", "")) == bare_emoji(emoji)
            return is_same and (event.type, event.ref) == (kind, ref)
        case Pin(ref=ref, on=on):
            kind = EventType.MESSAGE_PINNED if on else EventType.MESSAGE_UNPINNED
            return (event.type, event.ref) == (kind, ref)
    return False
