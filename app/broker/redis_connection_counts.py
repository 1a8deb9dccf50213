"""How many connections each user has on all nodes, in Redis or Valkey: one hash per user."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ..domain.connection_limits import CONNECTION_COUNT_EXPIRY_SECONDS
from ..domain.errors import Unavailable
from ..domain.ids import UserId
from ..domain.limits import COUNTER_SECONDS

_FAILURES = (RedisError, OSError, TimeoutError)

# A field for each node: its count, and when that expires by the clock of the server.
_REPORT = """
local node, seconds = ARGV[1], tonumber(ARGV[2])
local now = tonumber(redis.call('TIME')[1])
local before = {}
for i, key in ipairs(KEYS) do
  local count = tonumber(ARGV[i + 2])
  if count > 0 then
    redis.call('HSET', key, node, string.format('%d %d', count, now + seconds))
    redis.call('EXPIRE', key, seconds)
  else
    redis.call('HDEL', key, node)
  end
  before[i] = 0
  local found = redis.call('HGETALL', key)
  for j = 1, #found, 2 do
    local other, ends = string.match(found[j + 1], '^(%d+) (%d+)$')
    if not other or tonumber(ends) < now then
      redis.call('HDEL', key, found[j])
    elseif found[j] < node then
      before[i] = before[i] + other
    end
  end
end
return before
"""


class RedisConnectionCounts:
    """
    A :class:`~app.broker.connection_counts.ConnectionCounts` on a connection of its own.

    Args:
        url: ``redis://…``, ``rediss://…`` or ``unix://…``.
        prefix: Of the keys of this installation.
        expiry_seconds: After which what a node has written is no longer true; whole seconds.

    Raises:
        ValueError: If redis-py can't read the URL.

    """

    def __init__(
        self,
        url: str,
        prefix: str,
        *,
        expiry_seconds: int = CONNECTION_COUNT_EXPIRY_SECONDS,
        answer_seconds: float = COUNTER_SECONDS,
    ) -> None:
        self._expiry_seconds = expiry_seconds
        self._answer_seconds = answer_seconds
        self._redis = Redis.from_url(
            url,
            socket_timeout=answer_seconds,
            socket_connect_timeout=answer_seconds,
            retry_on_error=[],
        )
        self._prefix = f"{prefix}:connections"
        self._report = self._redis.register_script(_REPORT)

    async def report(self, node: str, counts: Mapping[UserId, int]) -> Mapping[UserId, int]:
        """See :class:`~app.broker.connection_counts.ConnectionCounts`."""
        keys = [f"{self._prefix}:{user}" for user in counts]
        try:
            async with asyncio.timeout(self._answer_seconds):
                before = await self._report(keys, [node, self._expiry_seconds, *counts.values()])
            return {user: int(count) for user, count in zip(counts, before, strict=True)}
        except (*_FAILURES, ValueError) as exc:
            raise Unavailable from exc

    async def close(self) -> None:
        """See :class:`~app.broker.connection_counts.ConnectionCounts`."""
        with suppress(*_FAILURES):
            await self._redis.aclose()
