"""
Events as bytes, encoded once for all listeners.

A batch is encoded when it enters a room's feed; every socket is then written the same ``bytes``.
The JSON object of an event is built in :mod:`app.wire.events`.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from ..domain.events import Event, EventBatch
from ..domain.ids import UserId
from .events import event_body
from .websocket_frame import text_frame

# JSON escapes the other line breaks itself: they are control characters below U+0020.
_LINE_BREAKS = [(c.encode(), b"\\u%04x" % ord(c)) for c in "\x85\u2028\u2029"]


def one_line(body: Mapping[str, Any]) -> bytes:
    """
    ``body`` as JSON on one line, also for readers that end lines where Unicode does.

    Exports and event streams are read line by line, by Python's ``str.splitlines`` too, which
    splits at U+0085, U+2028 and U+2029. Inside strings, where alone they can be, they are escaped.
    """
    encoded = orjson.dumps(body)
    if not encoded.isascii():
        for raw, escaped in _LINE_BREAKS:
            encoded = encoded.replace(raw, escaped)
    return encoded


def trimmed(encoded: bytes) -> bytes:
    """
    A copy of what orjson has encoded, for what is kept.

    What orjson returns has the whole buffer that it was written to: 4 KiB for ten bytes, and up to
    twice the length for more.
    """
    return bytes(memoryview(encoded))


def event_json(event: Event, room: str, names: Mapping[UserId, str]) -> bytes:
    """An event as JSON. ``names`` are usernames: see :attr:`EventBatch.names`."""
    return one_line(event_body(event, room, names))


def encode_batch(batch: EventBatch) -> list[bytes]:
    """A finished WebSocket frame for each event of ``batch``, in order."""
    room, names = batch.room_name, batch.names
    return [text_frame(one_line(event_body(event, room, names))) for event in batch.events]
