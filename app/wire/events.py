"""Events as JSON objects, with usernames in place of user ids."""

from collections.abc import Mapping
from typing import Any

from ..domain.clock import iso
from ..domain.events import Event, EventType
from ..domain.ids import UserId


def event_body(event: Event, room: str, names: Mapping[UserId, str]) -> dict[str, Any]:
    """
    The JSON object of an event: its fields are those of ``docs/protocol.md``, section 2.3.

    A user who is not in ``names`` is encoded as null, and left out of ``mentions``.
    """
    body: dict[str, Any] = {
        "type": event.type,
        "room": room,
        "seq": event.seq,
        "at": iso(event.at),
        "by": None if event.by is None else names.get(event.by),
    }
    if event.type == EventType.MESSAGE_CREATED:
        body["text"] = event.text
        if event.ref is not None:
            body["reply_to"] = event.ref
        if event.client_id is not None:
            body["id"] = event.client_id
        if event.edited_at is not None:
            body["edited_at"] = iso(event.edited_at)
        if event.deleted_at is not None:
            body["deleted_at"] = iso(event.deleted_at)
    else:
        if event.ref is not None:
            body["ref"] = event.ref
        if event.type == EventType.MESSAGE_EDITED:
            body["text"] = event.text
    if event.data is not None:
        for name, value in event.data.items():
            body[name] = _field_value(name, value, names)
    return body


def _field_value(name: str, value: Any, names: Mapping[UserId, str]) -> Any:
    if name in ("user", "author"):
        return None if value is None else names.get(value)
    if name == "mentions":
        return [names[user] for user in value if user in names]
    if name in ("muted_until", "banned_until"):
        return None if value is None else iso(value)
    return value
