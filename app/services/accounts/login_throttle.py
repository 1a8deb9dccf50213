"""
How often a log-in may fail, and how often an address may register.

Only failed log-ins count, so that a user who knows their password is never limited. Counters reset
after a minute: windows are fixed and start with the first failure.
"""

import time
from collections import OrderedDict

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter

from ...domain.addresses import subscriber
from ...domain.errors import RateLimited
from ...domain.limits import ADDRESS_LIMIT_FACTOR, MAX_REMEMBERED_ADDRESSES


class LoginThrottle:
    """
    Counters per account and per address. A limit of 0 means no limit.

    Failing on purpose doesn't lock the account's owner out: at an address from which the account
    has logged in before, only failures from that address count. Known addresses are kept in
    memory, per node, up to a maximum; the least recently used is dropped first.

    Args:
        counters: Where to count; None: in memory, for this node alone.

    """

    def __init__(
        self,
        *,
        failed_logins_per_minute: int,
        registrations_per_minute: int,
        max_known_addresses: int = MAX_REMEMBERED_ADDRESSES,
        counters: Storage | None = None,
    ) -> None:
        self._limiter = FixedWindowRateLimiter(counters or MemoryStorage())
        self._account = _per_minute(failed_logins_per_minute, "account")
        self._address = _per_minute(failed_logins_per_minute * ADDRESS_LIMIT_FACTOR, "address")
        self._registrations = _per_minute(registrations_per_minute, "registrations")
        self._max_known = max_known_addresses
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self.refused_logins = 0
        """Log-ins that were not tried."""
        self.refused_registrations = 0

    async def register(self, address: str) -> None:
        """
        Count a registration.

        Raises:
            RateLimited: If there have been too many from this address.

        """
        source = subscriber(address)
        if self._registrations and not await self._limiter.hit(self._registrations, source):
            self.refused_registrations += 1
            raise await self._limited(self._registrations, source)

    async def check(self, username: str | None, address: str) -> None:
        """
        Check that a log-in may be tried. Counts nothing.

        Call it before a password is checked and again afterwards: of many concurrent guesses,
        those that end after the last allowed failure then reveal nothing.

        Args:
            username: None if the name given is not a valid one.

        Raises:
            RateLimited: If there were too many failures.

        """
        for item, *key in self._counters(username, subscriber(address), counting=False):
            if not await self._limiter.test(item, *key):
                self.refused_logins += 1
                raise await self._limited(item, *key)

    async def failed(self, username: str | None, address: str) -> None:
        """Count a failed log-in."""
        for item, *key in self._counters(username, subscriber(address), counting=True):
            await self._limiter.hit(item, *key)

    def succeeded(self, username: str, address: str) -> None:
        """Remember the address as one from which the account has logged in."""
        key = (username, subscriber(address))
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

    async def _limited(self, item: RateLimitItem, *key: str) -> RateLimited:
        window = await self._limiter.get_window_stats(item, *key)
        seconds = max(1.0, window.reset_time - time.time())
        return RateLimited("Too many attempts. Wait a little.", retry_after=round(seconds, 1))


def _per_minute(limit: int, namespace: str) -> RateLimitItem | None:
    return RateLimitItemPerMinute(limit, namespace=namespace) if limit else None
