"""Messages as they are now, as JSON: for HTTP, and for a replay without ``since``."""

from typing import Any

import orjson

from ..domain.clock import iso, iso_or_none
from ..domain.events import EventType
from ..domain.views import MessagePage, MessageView


def message_body(view: MessageView, room: str) -> dict[str, Any]:
    """The JSON object of a message in the room called ``room``."""
    body: dict[str, Any] = {
        "room": room,
        "seq": view.seq,
        "at": iso(view.at),
        "by": view.by,
        "text": view.text,
        "reply_to": view.reply_to,
        "edited_at": iso_or_none(view.edited_at),
        "deleted_at": iso_or_none(view.deleted_at),
        "pinned": view.pinned,
        "reactions": view.reactions,
        "mentions": view.mentions,
        "replies": {"count": view.reply_count, "last_seq": view.last_reply},
    }
    if view.mentions_room is not None:
        body["mentions_room"] = view.mentions_room
    if view.data is not None:
        body["data"] = view.data
    return body


def page_json(page: MessagePage, room: str, epoch: str) -> bytes:
    """A page of messages of the room called ``room``: the body of the HTTP response."""
    return orjson.dumps(
        {
            "messages": [message_body(view, room) for view in page.messages],
            "head": page.head,
            "first": page.first,
            "epoch": epoch,
            "has_older": page.has_older,
            "has_newer": page.has_newer,
        }
    )


def message_event(view: MessageView, room: str) -> dict[str, Any]:
    """The current state of a message as a ``message.created`` event."""
    body = {"type": EventType.MESSAGE_CREATED.value, **message_body(view, room)}
    if view.client_id is not None:
        body["id"] = view.client_id
    return body
