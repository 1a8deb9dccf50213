"""Numbers of events: assigned in order, without gaps, per room."""

from app.domain.events import EventType
from app.domain.ids import Millis, RoomId, UserId
from app.domain.roles import Kind
from app.domain.sequence import append_event
from app.domain.working_set import RoomState, WorkingSet

BO = UserId(4)
AT = Millis(1_795_000_000_000)


def room(number: int, head: int) -> RoomState:
    return RoomState(RoomId(number), "den", "", Kind.PUBLIC, head, 1, 0, AT, None)


def test_each_room_counts_on_from_its_head() -> None:
    ws, one, two = WorkingSet(), room(1, 0), room(2, 41)

    events = [
        append_event(ws, where, EventType.MESSAGE_CREATED, BO, AT, text="hi")
        for where in (one, two, one)
    ]

    assert [(event.room, event.seq) for event in events] == [(1, 1), (2, 42), (1, 2)]
    assert (one.head, two.head) == (2, 42)
    assert ws.events == events


def test_an_event_with_a_client_id_is_found_by_a_retry() -> None:
    ws, den = WorkingSet(), room(1, 0)

    event = append_event(ws, den, EventType.MESSAGE_CREATED, BO, AT, client_id="k")
    append_event(ws, den, EventType.MESSAGE_CREATED, BO, AT)

    assert ws.keys == {(1, BO, "k"): event}


def test_the_type_of_an_event_is_a_plain_str() -> None:
    event = append_event(WorkingSet(), room(1, 0), EventType.ROOM_ARCHIVED, None, AT)

    assert type(event.type) is str
