"""Token buckets: rate limits with a burst. No clock: the time is an argument, in seconds."""

from .ids import UserId
from .limits import MAX_REMEMBERED_BUCKETS


class Refusals:
    """How often buckets of one kind had no token. Owned by the event loop."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class TokenBucket:
    """
    Allows ``burst`` at once, then ``rate`` per second. Not thread-safe.

    Args:
        rate: Tokens added per second; 0 for no limit.
        burst: Capacity of the bucket, at least 1. It starts full.
        now: The current time in seconds, of the same clock as in :meth:`take`.
        refusals: Counts when there was no token.

    """

    __slots__ = ("_burst", "_rate", "_refusals", "_tokens", "_when")

    def __init__(
        self, rate: float, burst: float, now: float, refusals: Refusals | None = None
    ) -> None:
        self._rate = rate
        self._burst = max(burst, 1.0)
        self._tokens = self._burst
        self._when = now
        self._refusals = refusals

    def take(self, now: float) -> float:
        """Take a token: 0.0 if there was one, else the seconds until there will be."""
        if not self._rate:
            return 0.0
        self._tokens = min(self._burst, self._tokens + (now - self._when) * self._rate)
        self._when = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        if self._refusals is not None:
            self._refusals.count += 1
        return (1.0 - self._tokens) / self._rate


class UserTokenBuckets:
    """
    One bucket per user, shared by their connections and HTTP requests. Owned by the event loop.

    Args:
        rate: As for :class:`TokenBucket`.
        burst: As for :class:`TokenBucket`.
        max_remembered: Users whose buckets are kept in memory.

    """

    def __init__(
        self, rate: float, burst: float, *, max_remembered: int = MAX_REMEMBERED_BUCKETS
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._max_remembered = max_remembered
        self._buckets: dict[UserId, TokenBucket] = {}
        self.refusals = Refusals()
        """Of all buckets together."""

    def of(self, user: UserId, now: float) -> TokenBucket:
        """The bucket of ``user``, created full if there is none."""
        bucket = self._buckets.get(user)
        if bucket is None:
            if len(self._buckets) >= self._max_remembered:
                # Forgotten users start again with a full bucket: at most one extra burst each.
                self._buckets.clear()
            bucket = TokenBucket(self._rate, self._burst, now, self.refusals)
            self._buckets[user] = bucket
        return bucket
