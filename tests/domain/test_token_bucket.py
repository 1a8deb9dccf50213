"""Token buckets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.ids import UserId
from app.domain.token_bucket import TokenBucket, UserTokenBuckets


def test_a_burst_then_a_rate() -> None:
    bucket = TokenBucket(rate=2, burst=3, now=0.0)

    assert [bucket.take(0.0) for _ in range(3)] == [0.0] * 3
    assert bucket.take(0.0) == 0.5
    assert bucket.take(0.25) == 0.25
    assert bucket.take(0.5) == 0.0


def test_a_bucket_is_never_fuller_than_the_burst() -> None:
    bucket = TokenBucket(rate=10, burst=2, now=0.0)

    taken = [bucket.take(1_000.0) for _ in range(3)]

    assert taken == [0.0, 0.0, pytest.approx(0.1)]


def test_a_rate_of_zero_is_no_limit() -> None:
    bucket = TokenBucket(rate=0, burst=0, now=0.0)

    assert not any(bucket.take(0.0) for _ in range(10_000))


def test_a_burst_of_zero_allows_one() -> None:
    bucket = TokenBucket(rate=1, burst=0, now=0.0)

    assert [bucket.take(0.0), bucket.take(0.0)] == [0.0, 1.0]


@given(
    st.floats(0.5, 50),
    st.integers(1, 20),
    st.lists(st.floats(0, 3), min_size=1, max_size=60),
)
def test_in_any_interval_at_most_burst_and_rate_get_through(
    rate: float, burst: int, pauses: list[float]
) -> None:
    bucket, now, passed = TokenBucket(rate, burst, 0.0), 0.0, []
    for pause in pauses:
        now += pause
        if not bucket.take(now):
            passed.append(now)

    for i, start in enumerate(passed):
        for count, end in enumerate(passed[i:], 1):
            assert count <= burst + rate * (end - start) + 1e-6


@given(st.floats(0.5, 50), st.integers(1, 20), st.lists(st.floats(0, 1), max_size=40))
def test_waiting_as_long_as_told_gets_a_token(
    rate: float, burst: int, pauses: list[float]
) -> None:
    bucket, now = TokenBucket(rate, burst, 0.0), 0.0
    for pause in pauses:
        now += pause
        if wait := bucket.take(now):
            now += wait + 1e-6
            assert bucket.take(now) == 0.0


def test_a_user_has_one_bucket() -> None:
    buckets = UserTokenBuckets(rate=1, burst=1)

    assert buckets.of(UserId(1), 0.0) is buckets.of(UserId(1), 5.0)
    assert buckets.of(UserId(1), 0.0) is not buckets.of(UserId(2), 0.0)


def test_the_number_of_buckets_is_bounded() -> None:
    buckets = UserTokenBuckets(rate=1, burst=1, max_remembered=2)
    first = buckets.of(UserId(1), 0.0)

    for user in (2, 3):
        buckets.of(UserId(user), 0.0)

    assert buckets.of(UserId(1), 0.0) is not first


def test_what_was_refused_is_counted_over_all_users() -> None:
    buckets = UserTokenBuckets(rate=1, burst=1)

    for user in (1, 2):
        bucket = buckets.of(UserId(user), 0.0)
        assert bucket.take(0.0) == 0.0
        assert bucket.take(0.0) > 0.0

    assert buckets.refusals.count == 2


def test_a_bucket_that_was_lowered_fills_up_again() -> None:
    bucket = TokenBucket(rate=2, burst=3, now=0.0)

    bucket.lower(-1, now=0.0)

    assert bucket.take(0.0) == 1.0
    assert bucket.take(1.0) == 0.0
    assert bucket.take(1.0) == 0.5


def test_a_bucket_is_never_raised() -> None:
    bucket = TokenBucket(rate=2, burst=3, now=0.0)
    for _ in range(3):
        bucket.take(0.0)

    bucket.lower(3, now=0.25)

    assert bucket.take(0.25) == 0.25


def test_what_is_spent_is_told_once() -> None:
    ana, ben = UserId(1), UserId(2)
    buckets = UserTokenBuckets(1, 2, note_spent=True)
    for user in (ana, ana, ana, ben):
        buckets.of(user, 0.0).take(0.0)

    # The third was refused.
    assert buckets.take_spent() == {ana: 2, ben: 1}
    assert buckets.take_spent() == {}


def test_what_was_spent_since_the_report_is_not_given_back() -> None:
    ana = UserId(1)
    buckets = UserTokenBuckets(1, 10, note_spent=True)
    bucket = buckets.of(ana, 0.0)
    bucket.take(0.0)
    buckets.take_spent()
    bucket.take(0.0)

    # On all nodes two were left when this one had reported; one of them is gone by now.
    buckets.lower({ana: 2, UserId(2): 1}, now=0.0)

    assert [bucket.take(0.0) for _ in range(2)] == [0.0, 1.0]
