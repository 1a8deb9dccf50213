"""How often a log-in may fail, and how often an address may register."""

import pytest

from app.domain.errors import RateLimited
from app.domain.limits import ADDRESS_LIMIT_FACTOR
from app.services.accounts.login_throttle import LoginThrottle

ADDRESS, OTHER_ADDRESS = "192.0.2.1", "198.51.100.7"


def make_throttle(
    failures: int = 2, registrations: int = 2, known_addresses: int = 10
) -> LoginThrottle:
    return LoginThrottle(
        failed_logins_per_minute=failures,
        registrations_per_minute=registrations,
        max_known_addresses=known_addresses,
    )


async def fail(throttle: LoginThrottle, times: int, username: str | None, address: str) -> None:
    for _ in range(times):
        await throttle.failed(username, address)


async def test_an_account_is_limited_after_too_many_failures() -> None:
    throttle = make_throttle()

    await fail(throttle, 2, "alice", ADDRESS)

    with pytest.raises(RateLimited) as refused:
        await throttle.check("alice", OTHER_ADDRESS)
    assert refused.value.retry_after is not None
    assert 1 <= refused.value.retry_after <= 60
    await throttle.check("bob", ADDRESS)


async def test_one_failure_less_is_not_limited() -> None:
    throttle = make_throttle()

    await fail(throttle, 1, "alice", ADDRESS)

    await throttle.check("alice", ADDRESS)


async def test_an_address_is_limited_after_ten_times_as_many_failures() -> None:
    throttle = make_throttle()

    for n in range(2 * ADDRESS_LIMIT_FACTOR - 1):
        await throttle.failed(f"user{n}", ADDRESS)
    await throttle.check("dave", ADDRESS)
    await throttle.failed(None, ADDRESS)

    for username in ("dave", None):
        with pytest.raises(RateLimited):
            await throttle.check(username, ADDRESS)
    await throttle.check("dave", OTHER_ADDRESS)


async def test_failures_elsewhere_do_not_limit_a_known_address() -> None:
    throttle = make_throttle()
    throttle.succeeded("alice", ADDRESS)

    await fail(throttle, 100, "alice", OTHER_ADDRESS)
    await fail(throttle, 100, "bob", ADDRESS)

    await throttle.check("alice", ADDRESS)
    with pytest.raises(RateLimited):
        await throttle.check("alice", OTHER_ADDRESS)


async def test_failures_at_a_known_address_are_limited() -> None:
    throttle = make_throttle()
    throttle.succeeded("alice", ADDRESS)

    await fail(throttle, 2, "alice", ADDRESS)

    with pytest.raises(RateLimited):
        await throttle.check("alice", ADDRESS)
    await throttle.check("alice", OTHER_ADDRESS)


async def test_the_least_recently_used_address_is_forgotten_first() -> None:
    throttle = make_throttle(known_addresses=2)
    for name in ("alice", "bob", "alice", "carol"):
        throttle.succeeded(name, ADDRESS)

    for name in ("alice", "bob"):
        await fail(throttle, 2, name, OTHER_ADDRESS)

    await throttle.check("alice", ADDRESS)
    with pytest.raises(RateLimited):
        await throttle.check("bob", ADDRESS)


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
async def test_registrations_are_counted_per_subscriber(one: str, other: str, same: bool) -> None:
    throttle = make_throttle(registrations=1)
    await throttle.register(one)

    if same:
        with pytest.raises(RateLimited):
            await throttle.register(other)
    else:
        await throttle.register(other)


async def test_zero_lifts_a_limit() -> None:
    throttle = make_throttle(failures=0, registrations=0)

    await fail(throttle, 1_000, "alice", ADDRESS)
    for _ in range(100):
        await throttle.register(ADDRESS)

    await throttle.check("alice", ADDRESS)
