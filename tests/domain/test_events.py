"""Events, runs of them, and their keys."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.events import Event, EventBatch, EventType, users_of
from app.domain.ids import SEQ_BITS, Millis, RoomId, Seq, UserId, event_id
from app.domain.limits import MAX_SEQ
from app.domain.roles import Kind


def event(kind: EventType, by: int | None = 1, **what: object) -> Event:
    return Event(RoomId(1), Seq(1), kind, by and UserId(by), Millis(0), data=dict(what))


def test_whose_names_an_event_needs() -> None:
    assert users_of(event(EventType.ROOM_CREATED, None, title="x")) == set()
    assert users_of(event(EventType.MEMBER_LEFT, user=2, reason="left")) == {1, 2}
    assert users_of(event(EventType.MESSAGE_DELETED, author=3)) == {1, 3}
    assert users_of(event(EventType.MESSAGE_CREATED, mentions=[4, 5])) == {1, 4, 5}
    assert users_of(Event(RoomId(1), Seq(1), "x", UserId(9), Millis(0))) == {9}


def test_a_run_knows_its_ends() -> None:
    events = [Event(RoomId(1), Seq(n), "x", None, Millis(0)) for n in (3, 4, 5)]
    batch = EventBatch(RoomId(1), "den", Kind.PUBLIC, events, {})

    assert (batch.first, batch.last) == (3, 5)


@given(st.integers(1, 2**31 - 2), st.integers(1, MAX_SEQ))
def test_a_key_holds_room_and_number_in_reading_order(room: int, seq: int) -> None:
    key = event_id(RoomId(room), seq)

    assert (key >> SEQ_BITS, key & MAX_SEQ) == (room, seq)
    assert key < event_id(RoomId(room + 1), 1) <= 2**63 - 1
    assert key == event_id(RoomId(room), 0) + seq
