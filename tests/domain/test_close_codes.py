"""The close codes: their ranges, and the size of their reasons."""

import pytest

from app.domain import close_codes
from app.domain.close_codes import Close, lost_room

ALL = [value for value in vars(close_codes).values() if isinstance(value, Close)]


@pytest.mark.parametrize("close", [*ALL, lost_room("removed")], ids=lambda close: close.reason)
def test_a_close_is_in_the_ranges_of_the_protocol(close: Close) -> None:
    assert close.code // 100 in (40, 41, 42, 43)


@pytest.mark.parametrize("close", ALL, ids=lambda close: close.reason)
def test_a_reason_fits_into_a_control_frame(close: Close) -> None:
    assert 0 < len(close.reason.encode()) <= 123


def test_a_lost_room_says_why() -> None:
    assert lost_room("banned") == (4003, "forbidden: banned")
