"""Token buckets: how often somebody may do something. No clock: time is an argument."""

from app.domain.ids import UserId
from app.domain.limits import MAX_REMEMBERED_BUCKETS


class TokenBucket:
    """
    ``burst`` at once, then ``rate`` a second.

    Args:
        rate: Per second; 0 for no limit.
        burst: How many may come at once.

    """

    __slots__ = ("_burst", "_rate", "_tokens", "_when")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = max(burst, 1.0)
        self._tokens = self._burst
        self._when = now

    def take(self, now: float) -> float:
        """Take one if there is one: 0.0 then, else the seconds until there is."""
        if not self._rate:
            return 0.0
        self._tokens = min(self._burst, self._tokens + (now - self._when) * self._rate)
        self._when = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._rate


class UserTokenBuckets:
    """A bucket for each user, shared by their connections and their requests over HTTP."""

    def __init__(
        self, rate: float, burst: float, *, max_remembered: int = MAX_REMEMBERED_BUCKETS
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._max_remembered = max_remembered
        self._buckets: dict[UserId, TokenBucket] = {}

    def of(self, user: UserId, now: float) -> TokenBucket:
        """The bucket of ``user``."""
        bucket = self._buckets.get(user)
        if bucket is None:
            if len(self._buckets) >= self._max_remembered:
                # Those who come back begin with a full one: a burst each, at most.
                self._buckets.clear()
            bucket = self._buckets[user] = TokenBucket(self._rate, self._burst, now)
        return bucket
