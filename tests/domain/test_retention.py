"""How much a room may keep."""

import pytest

from app.domain.errors import Invalid
from app.domain.limits import MAX_RETENTION_DAYS, MAX_SEQ
from app.domain.retention import refuse_retention


@pytest.mark.parametrize(
    ("days", "events"),
    [(None, None), (1, None), (MAX_RETENTION_DAYS, None), (None, 1), (None, MAX_SEQ)],
)
def test_one_bound_or_none_is_allowed(days: int | None, events: int | None) -> None:
    refuse_retention(days, events)


@pytest.mark.parametrize(
    ("days", "events", "why"),
    [
        (0, None, f"days: is not between 1 and {MAX_RETENTION_DAYS}"),
        (MAX_RETENTION_DAYS + 1, None, f"days: is not between 1 and {MAX_RETENTION_DAYS}"),
        (None, 0, f"events: is not between 1 and {MAX_SEQ}"),
        (None, MAX_SEQ + 1, f"events: is not between 1 and {MAX_SEQ}"),
        (1, 1, "events: can't be given together with days"),
    ],
)
def test_what_is_refused_says_why(days: int | None, events: int | None, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        refuse_retention(days, events)

    assert why in str(refused.value)
