"""
Counters that the nodes share through Redis or Valkey, for limits on attempts.

Each node also counts what it sees itself. A Redis that is slow or gone delays one request by a
fraction of a second; for a while after that, the node's own counts are all there is.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ..domain.limits import COUNTER_PAUSE_SECONDS, COUNTER_SECONDS

log = logging.getLogger("parley.broker")

_FAILURES = (RedisError, OSError, TimeoutError)
_Number = TypeVar("_Number", int, float)


class RedisCounters(Storage):
    """
    A storage of the library ``limits``. Used in the event loop; safe to cancel; never raises.

    Args:
        url: ``redis://…``, ``rediss://…`` or ``unix://…``.
        prefix: Of the keys of this installation.

    Raises:
        ValueError: If redis-py can't read the URL.

    """

    STORAGE_SCHEME = None

    def __init__(
        self,
        url: str,
        prefix: str,
        *,
        answer_seconds: float = COUNTER_SECONDS,
        pause_seconds: float = COUNTER_PAUSE_SECONDS,
    ) -> None:
        super().__init__()
        self._answer_seconds = answer_seconds
        self._pause_seconds = pause_seconds
        self._pool = ConnectionPool.from_url(
            url,
            socket_timeout=answer_seconds,
            socket_connect_timeout=answer_seconds,
            # Once, at once: the server may have closed a connection that was idle.
            retry=Retry(NoBackoff(), 1),
        )
        self._own = MemoryStorage()
        self._shared = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=f"{prefix}:counters",
            connection_pool=self._pool,  # type: ignore[arg-type]
        )
        # Until then, Redis is not asked: it did not answer.
        self._paused_until = 0.0

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        """What Redis fails with. It is not raised."""
        return _FAILURES

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, and return the count."""
        own = await self._own.incr(key, expiry, amount)
        return await self._at_least(own, lambda: self._shared.incr(key, expiry, amount))

    async def get(self, key: str) -> int:
        """Return a count."""
        own = await self._own.get(key)
        return await self._at_least(own, lambda: self._shared.get(key))

    async def get_expiry(self, key: str) -> float:
        """Return when a count begins anew, in seconds since 1970."""
        own = await self._own.get_expiry(key)
        return await self._at_least(own, lambda: self._shared.get_expiry(key))

    async def check(self) -> bool:
        """Whether Redis is asked now."""
        return time.monotonic() >= self._paused_until

    async def reset(self) -> int | None:
        """Forget what this node has counted itself."""
        return await self._own.reset()

    async def clear(self, key: str) -> None:
        """Forget a count."""
        await self._own.clear(key)
        await self._at_least(0, lambda: self._cleared(key))

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        with suppress(*_FAILURES):
            await Redis(connection_pool=self._pool).aclose()
            await self._pool.aclose()

    async def _cleared(self, key: str) -> int:
        await self._shared.clear(key)
        return 0

    async def _at_least(self, own: _Number, shared: Callable[[], Awaitable[_Number]]) -> _Number:
        """The count of all nodes, or this node's own where that is higher or all there is."""
        if not await self.check():
            return own
        try:
            async with asyncio.timeout(self._answer_seconds):
                return max(own, await shared())
        except _FAILURES as exc:
            self._paused_until = time.monotonic() + self._pause_seconds
            error = str(exc).partition("\n")[0] or type(exc).__name__
            log.warning("counters.failed", extra={"error": error})
            return own
