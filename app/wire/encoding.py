"""
Events as bytes, encoded once for all listeners.

A batch is encoded when it enters a room's feed; every socket is then written the same ``bytes``.
The JSON object of an event is built in :mod:`app.wire.events`.
"""

from collections.abc import Mapping

import orjson

from ..domain.events import Event, EventBatch
from ..domain.ids import UserId
from .events import event_body
from .frames import text_frame


def event_json(event: Event, room: str, names: Mapping[UserId, str]) -> bytes:
    """An event as JSON. ``names`` are usernames: see :attr:`EventBatch.names`."""
    return orjson.dumps(event_body(event, room, names))


def encode_batch(batch: EventBatch) -> list[bytes]:
    """A finished WebSocket frame for each event of ``batch``, in order."""
    room, names = batch.room_name, batch.names
    return [text_frame(orjson.dumps(event_body(event, room, names))) for event in batch.events]
