"""Where an event gets its ``seq``: the number after its room's head, without gaps."""

from typing import Any

from .events import Event, EventType
from .ids import Millis, Seq, UserId
from .working_set import RoomState, WorkingSet


def append_event(
    working_set: WorkingSet,
    room: RoomState,
    kind: EventType,
    by: UserId | None,
    at: Millis,
    *,
    ref: int | None = None,
    text: str | None = None,
    data: dict[str, Any] | None = None,
    client_id: str | None = None,
) -> Event:
    """
    Append an event to the batch with the room's next ``seq``, and advance the room's head.

    The room's row is locked for the length of the transaction, so no other writer assigns the
    same number. A transaction that rolls back leaves no gap: the head is stored with the events.
    """
    room.head += 1
    # The plain str of the type: SQLite's driver and orjson handle it faster than an enum member.
    event = Event(room.id, Seq(room.head), kind.value, by, at, ref, text, data, client_id)
    working_set.events.append(event)
    if client_id is not None:
        working_set.keys[room.id, by, client_id] = event
    return event
