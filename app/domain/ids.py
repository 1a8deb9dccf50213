"""Identifiers. Each is its own type, so that a user can't be passed where a room is wanted."""

from typing import NewType

UserId = NewType("UserId", int)
RoomId = NewType("RoomId", int)
SessionId = NewType("SessionId", int)
"""One log-in: all tokens that came from one password (or one administrator's grant)."""

Seq = NewType("Seq", int)
"""Position of an event in its room's log: 1, 2, 3, … with no gaps. A message's id is its seq."""

EventId = NewType("EventId", int)
"""The key of an event in the table: room and seq in one integer, so rows lie in reading order."""

Millis = NewType("Millis", int)
"""A moment: milliseconds since 1970-01-01 UTC."""

SEQ_BITS = 32


def event_id(room: RoomId, seq: int) -> EventId:
    """The key of event ``seq`` of ``room``."""
    return EventId(room << SEQ_BITS | seq)
