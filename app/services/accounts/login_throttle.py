"""
How often one may fail to log in, and register.

Only failures count, so that nobody who knows their password ever meets this. Counted in memory,
per node: a minute forgets everything. Windows are fixed and begin with the first failure.
"""

import time
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from ...domain.errors import RateLimited
from ...domain.limits import ADDRESS_LIMIT_FACTOR, MAX_REMEMBERED_ADDRESSES

# What one subscriber is given: whoever has one IPv6 address has all of these.
_IPV6_SUBSCRIBER_BITS = 64


class Throttle:
    """
    Counts per account and per address. A limit of 0 is none.

    Whoever fails on purpose to lock somebody else out does not succeed: from an address with
    which an account has logged in before, only the failures from there count for it. What is
    known of addresses ends with the process, and the oldest is forgotten first.
    """

    def __init__(
        self,
        *,
        failed_logins_per_minute: int,
        registrations_per_minute: int,
        max_known_addresses: int = MAX_REMEMBERED_ADDRESSES,
    ) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._account = _per_minute(failed_logins_per_minute, "account")
        self._address = _per_minute(failed_logins_per_minute * ADDRESS_LIMIT_FACTOR, "address")
        self._registrations = _per_minute(registrations_per_minute, "registrations")
        self._max_known = max_known_addresses
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def register(self, address: str) -> None:
        """
        Count a registration.

        Raises:
            RateLimited: If there have been too many from this address.

        """
        source = _source(address)
        if self._registrations and not await self._limiter.hit(self._registrations, source):
            raise await self._refusal(self._registrations, source)

    async def check(self, username: str | None, address: str) -> None:
        """
        Return if a log-in may be tried.

        To be asked before a password is checked and again after: of many guesses at once,
        those that come in after the last allowed failure then learn nothing.

        Args:
            username: None if nobody can have the name that was given.

        Raises:
            RateLimited: If there were too many failures.

        """
        for item, *key in self._counters(username, _source(address), counting=False):
            if not await self._limiter.test(item, *key):
                raise await self._refusal(item, *key)

    async def failed(self, username: str | None, address: str) -> None:
        """Count a failure."""
        for item, *key in self._counters(username, _source(address), counting=True):
            await self._limiter.hit(item, *key)

    def succeeded(self, username: str, address: str) -> None:
        """Remember that the account's owner was seen at this address."""
        key = (username, _source(address))
        self._known[key] = None
        self._known.move_to_end(key)
        if len(self._known) > self._max_known:
            self._known.popitem(last=False)

    def _counters(
        self, username: str | None, source: str, *, counting: bool
    ) -> list[tuple[RateLimitItem, *tuple[str, ...]]]:
        if self._account is None or self._address is None:
            return []
        if username is None:
            return [(self._address, source)]
        if (username, source) not in self._known:
            return [(self._address, source), (self._account, username)]
        own = (self._account, username, source)
        return [(self._address, source), own] if counting else [own]

    async def _refusal(self, item: RateLimitItem, *key: str) -> RateLimited:
        window = await self._limiter.get_window_stats(item, *key)
        seconds = max(1.0, window.reset_time - time.time())
        return RateLimited("Too many attempts. Wait a little.", retry_after=round(seconds, 1))


def _per_minute(limit: int, namespace: str) -> RateLimitItem | None:
    return RateLimitItemPerMinute(limit, namespace=namespace) if limit else None


def _source(address: str) -> str:
    """The address, or of IPv6 the network that one subscriber has."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(IPv6Address(int(ip) >> _IPV6_SUBSCRIBER_BITS << _IPV6_SUBSCRIBER_BITS))
