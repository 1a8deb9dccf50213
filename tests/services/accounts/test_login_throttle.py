"""How often one may fail."""

import pytest

from app.domain.errors import RateLimited
from app.domain.limits import ADDRESS_LIMIT_FACTOR
from app.services.accounts.login_throttle import LoginThrottle

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"


def throttle(failures: int = 2, registrations: int = 2, homes: int = 10) -> LoginThrottle:
    return LoginThrottle(
        failed_logins_per_minute=failures,
        registrations_per_minute=registrations,
        max_known_addresses=homes,
    )


async def fails(limits: LoginThrottle, times: int, username: str | None, address: str) -> None:
    for _ in range(times):
        await limits.failed(username, address)


async def test_an_account_is_closed_after_so_many_failures() -> None:
    limits = throttle()

    await fails(limits, 2, "alice", HOME)

    with pytest.raises(RateLimited) as refused:
        await limits.check("alice", ELSEWHERE)
    assert refused.value.retry_after is not None
    assert 1 <= refused.value.retry_after <= 60
    await limits.check("bob", HOME)


async def test_one_failure_less_is_free() -> None:
    limits = throttle()

    await fails(limits, 1, "alice", HOME)

    await limits.check("alice", HOME)


async def test_an_address_is_closed_after_ten_times_as_many() -> None:
    limits = throttle()

    for n in range(2 * ADDRESS_LIMIT_FACTOR - 1):
        await limits.failed(f"user{n}", HOME)
    await limits.check("somebody", HOME)
    await limits.failed(None, HOME)

    for username in ("somebody", None):
        with pytest.raises(RateLimited):
            await limits.check(username, HOME)
    await limits.check("somebody", ELSEWHERE)


async def test_nobody_is_locked_out_of_where_they_have_logged_in() -> None:
    limits = throttle()
    limits.succeeded("alice", HOME)

    await fails(limits, 100, "alice", ELSEWHERE)
    await fails(limits, 100, "bob", HOME)

    await limits.check("alice", HOME)
    with pytest.raises(RateLimited):
        await limits.check("alice", ELSEWHERE)


async def test_at_home_too_one_may_not_fail_for_ever() -> None:
    limits = throttle()
    limits.succeeded("alice", HOME)

    await fails(limits, 2, "alice", HOME)

    with pytest.raises(RateLimited):
        await limits.check("alice", HOME)
    await limits.check("alice", ELSEWHERE)


async def test_the_oldest_home_is_forgotten_first() -> None:
    limits = throttle(homes=2)
    for name in ("alice", "bob", "alice", "carol"):
        limits.succeeded(name, HOME)

    for name in ("alice", "bob"):
        await fails(limits, 2, name, ELSEWHERE)

    await limits.check("alice", HOME)
    with pytest.raises(RateLimited):
        await limits.check("bob", HOME)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True, id="one IPv6 subscriber"),
        pytest.param("2001:db8:1:2::1", "2001:db8:1:3::1", False, id="two IPv6 subscribers"),
        pytest.param("::ffff:192.0.2.1", "192.0.2.1", True, id="IPv4 in IPv6"),
        pytest.param("::ffff:192.0.2.1", "::ffff:192.0.2.2", False, id="two IPv4 in IPv6"),
        pytest.param("testclient", "testclient", True, id="no address"),
        pytest.param("", "192.0.2.1", False, id="a UNIX socket"),
    ],
)
async def test_who_has_one_address_has_all_near_it(one: str, other: str, same: bool) -> None:
    limits = throttle(registrations=1)
    await limits.register(one)

    if same:
        with pytest.raises(RateLimited):
            await limits.register(other)
    else:
        await limits.register(other)


async def test_zero_lifts_a_limit() -> None:
    limits = throttle(failures=0, registrations=0)

    await fails(limits, 1_000, "alice", HOME)
    for _ in range(100):
        await limits.register(HOME)

    await limits.check("alice", HOME)
