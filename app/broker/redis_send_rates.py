"""
Send rates of all nodes, in Redis or Valkey: one token bucket per user.

A node takes tokens from its own bucket first, and reports afterwards how many it has taken.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ..domain.errors import Unavailable
from ..domain.ids import UserId
from ..domain.limits import COUNTER_SECONDS

_FAILURES = (RedisError, OSError, TimeoutError)

# By the clock of the server. What is spent is taken even if it is not there: it was sent already.
_SPEND = """
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local left = {}
for i, key in ipairs(KEYS) do
  local tokens, at = unpack(redis.call('HMGET', key, 'tokens', 'at'))
  local level = burst
  if tokens and at then
    level = math.min(burst, tokens + math.max(0, now - at) * rate / 1000)
  end
  level = level - ARGV[i + 2]
  redis.call('HSET', key, 'tokens', string.format('%.3f', level), 'at', string.format('%.0f', now))
  redis.call('PEXPIRE', key, math.ceil((burst - level) / rate * 1000) + 1000)
  left[i] = string.format('%.3f', level)
end
return left
"""


class RedisSendRates:
    """
    A :class:`~app.broker.send_rates.SendRates` on a connection of its own.

    Args:
        url: ``redis://…``, ``rediss://…`` or ``unix://…``.
        prefix: Of the keys of this installation.
        rate: Tokens added per second, more than 0.
        burst: Capacity of a bucket.

    Raises:
        ValueError: If redis-py can't read the URL.

    """

    def __init__(
        self,
        url: str,
        prefix: str,
        *,
        rate: float,
        burst: float,
        answer_seconds: float = COUNTER_SECONDS,
    ) -> None:
        self._answer_seconds = answer_seconds
        self._redis = Redis.from_url(
            url,
            socket_timeout=answer_seconds,
            socket_connect_timeout=answer_seconds,
            retry_on_error=[],
        )
        self._prefix = f"{prefix}:sends"
        self._arguments = (rate, max(burst, 1.0))
        self._spend = self._redis.register_script(_SPEND)

    async def spend(self, spent: Mapping[UserId, int]) -> Mapping[UserId, float]:
        """See :class:`~app.broker.send_rates.SendRates`."""
        keys = [f"{self._prefix}:{user}" for user in spent]
        try:
            async with asyncio.timeout(self._answer_seconds):
                left = await self._spend(keys, [*self._arguments, *spent.values()])
            return {user: float(level) for user, level in zip(spent, left, strict=True)}
        except (*_FAILURES, ValueError) as exc:
            raise Unavailable from exc

    async def close(self) -> None:
        """See :class:`~app.broker.send_rates.SendRates`."""
        with suppress(*_FAILURES):
            await self._redis.aclose()
