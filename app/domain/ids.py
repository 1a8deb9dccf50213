"""Identifiers. Each is a type of its own, so that mypy rejects a user where a room is expected."""

from typing import NewType

UserId = NewType("UserId", int)
RoomId = NewType("RoomId", int)
SessionId = NewType("SessionId", int)
"""One login: all tokens that stem from one password check or one administrator's grant."""

EVERYONE = UserId(0)
"""Stands for all members of a room among those whom a message mentions. No user has this id."""

NOWHERE = RoomId(2**31 - 1)
"""
The id of every name that no room has; no room gets it. What is asked of it takes the same path as
what is asked of a hidden room, so that the time of an answer tells nothing either.
"""

Seq = NewType("Seq", int)
"""Position of an event in its room's log: 1, 2, 3, … with no gaps. A message's id is its seq."""

EventId = NewType("EventId", int)
"""Primary key of an event: room and seq in one integer, so that a room's rows are adjacent."""

Millis = NewType("Millis", int)
"""A point in time: milliseconds since 1970-01-01 UTC."""

SEQ_BITS = 32


def event_id(room: RoomId, seq: int) -> EventId:
    """The primary key of event ``seq`` of ``room``."""
    return EventId(room << SEQ_BITS | seq)
