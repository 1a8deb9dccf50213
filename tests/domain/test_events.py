"""Events and batches of them."""

from app.domain.events import Event, EventBatch, EventType, users_of
from app.domain.ids import Millis, RoomId, Seq, UserId
from app.domain.roles import Kind


def event(kind: EventType, by: int | None = 1, **what: object) -> Event:
    return Event(RoomId(1), Seq(1), kind, by and UserId(by), Millis(0), data=dict(what))


def test_the_users_of_an_event() -> None:
    assert users_of(event(EventType.ROOM_CREATED, None, title="x")) == set()
    assert users_of(event(EventType.MEMBER_LEFT, user=2, reason="left")) == {1, 2}
    assert users_of(event(EventType.MESSAGE_DELETED, author=3)) == {1, 3}
    assert users_of(event(EventType.MESSAGE_CREATED, mentions=[4, 5])) == {1, 4, 5}
    assert users_of(Event(RoomId(1), Seq(1), "x", UserId(9), Millis(0))) == {9}


def test_a_batch_knows_whether_it_has_an_event_of_some_types() -> None:
    batch = EventBatch(
        RoomId(1),
        "den",
        Kind.PUBLIC,
        [event(EventType.MESSAGE_CREATED), event(EventType.MESSAGE_DELETED)],
        {},
    )

    assert batch.has_any(frozenset({EventType.MESSAGE_EDITED, EventType.MESSAGE_DELETED}))
    assert not batch.has_any(frozenset({EventType.MESSAGE_EDITED, EventType.MEMBER_LEFT}))


def test_a_batch_has_a_first_and_last_seq() -> None:
    events = [Event(RoomId(1), Seq(n), "x", None, Millis(0)) for n in (3, 4, 5)]
    batch = EventBatch(RoomId(1), "den", Kind.PUBLIC, events, {})

    assert (batch.first, batch.last) == (3, 5)
