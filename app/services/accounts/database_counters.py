"""Counters that the nodes share through their database, where there is no Redis."""

import time
from hashlib import blake2b

from limits.aio.storage import Storage

from ...domain.errors import Unavailable
from ...domain.limits import COUNTER_SWEEP_SECONDS
from ...store import counters
from ...store.database import Database


class DatabaseCounters(Storage):
    """
    A storage of the library ``limits``. Used in the event loop; safe to cancel.

    Every method raises ``Unavailable`` if the database can't be used now. Keys are stored hashed:
    they hold the names that were tried, and addresses.
    """

    STORAGE_SCHEME = None

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._sweep_at = time.monotonic() + COUNTER_SWEEP_SECONDS

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        """What the methods raise."""
        return Unavailable

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, and return the count."""
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + COUNTER_SWEEP_SECONDS
            # Alone in its transaction: it locks many rows, and a count locks one.
            await self._database.write(counters.sweep)
        hashed = _hashed(key)
        return await self._database.write(lambda c: counters.count(c, hashed, amount, expiry))

    async def get(self, key: str) -> int:
        """Return a count."""
        return (await self._read(key))[0]

    async def get_expiry(self, key: str) -> float:
        """Return when a count begins anew, in seconds since 1970."""
        return time.time() + (await self._read(key))[1]

    async def check(self) -> bool:
        """Whether it can be asked: that shows when it is."""
        return True

    async def reset(self) -> int | None:
        """Do nothing: counters of other nodes are among them."""
        return None

    async def clear(self, key: str) -> None:
        """Forget a count."""
        hashed = _hashed(key)
        await self._database.write(lambda c: counters.clear(c, hashed))

    async def _read(self, key: str) -> tuple[int, float]:
        hashed = _hashed(key)
        return await self._database.read(lambda c: counters.get(c, hashed))


def _hashed(key: str) -> str:
    return blake2b(key.encode(errors="replace"), digest_size=16).hexdigest()
