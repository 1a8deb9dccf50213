"""Times in the format of the wire."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.clock import iso, iso_or_none, millis
from app.domain.working_set import FOREVER


@pytest.mark.parametrize(
    ("at", "text"),
    [
        pytest.param(0, "1970-01-01T00:00:00.000Z", id="the epoch"),
        pytest.param(1_795_248_000_123, "2026-11-21T08:00:00.123Z", id="milliseconds"),
        pytest.param(-1, "1969-12-31T23:59:59.999Z", id="before the epoch"),
        pytest.param(FOREVER, "9999-12-31T23:59:59.999Z", id="without end"),
    ],
)
def test_a_time_is_formatted_in_utc(at: int, text: str) -> None:
    assert iso(at) == text


def test_none_stays_none() -> None:
    assert iso_or_none(None) is None
    assert iso_or_none(0) == iso(0)


def test_any_time_zone_is_converted() -> None:
    noon = datetime(2026, 11, 21, 12, tzinfo=timezone(timedelta(hours=5)))

    assert iso(millis(noon)) == "2026-11-21T07:00:00.000Z"


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)))
def test_a_formatted_time_is_parsed_to_the_same(moment: datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)

    assert datetime.fromisoformat(iso(millis(moment))) == moment
