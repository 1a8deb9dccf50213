"""Keys of events."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.ids import SEQ_BITS, RoomId, event_id
from app.domain.limits import MAX_SEQ


@given(st.integers(1, 2**31 - 2), st.integers(1, MAX_SEQ))
def test_a_key_orders_by_room_and_seq(room: int, seq: int) -> None:
    key = event_id(RoomId(room), seq)

    assert (key >> SEQ_BITS, key & MAX_SEQ) == (room, seq)
    assert key < event_id(RoomId(room + 1), 1) <= 2**63 - 1
    assert key == event_id(RoomId(room), 0) + seq
