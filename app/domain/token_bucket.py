"""Token buckets: rate limits with a burst. No clock: the time is an argument, in seconds."""

from collections.abc import Mapping

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

    def lower(self, tokens: float, now: float) -> None:
        """Have at most this many tokens; negative if more were taken elsewhere than there were."""
        filled = min(self._burst, self._tokens + (now - self._when) * self._rate)
        self._tokens = min(filled, tokens)
        self._when = now


class _NotedTokenBucket(TokenBucket):
    """Notes in ``spent`` what is taken from it."""

    __slots__ = ("_spent", "_user")

    def __init__(
        self,
        rate: float,
        burst: float,
        now: float,
        refusals: Refusals,
        user: UserId,
        spent: dict[UserId, int],
    ) -> None:
        super().__init__(rate, burst, now, refusals)
        self._user = user
        self._spent = spent

    def take(self, now: float) -> float:
        wait = super().take(now)
        if not wait:
            self._spent[self._user] = self._spent.get(self._user, 0) + 1
        return wait


class UserTokenBuckets:
    """
    One bucket per user, shared by their connections and HTTP requests. Owned by the event loop.

    Args:
        rate: As for :class:`TokenBucket`.
        burst: As for :class:`TokenBucket`.
        max_remembered: Users whose buckets are kept in memory.
        note_spent: Whether :meth:`take_spent` will be called, to tell other nodes.

    """

    def __init__(
        self,
        rate: float,
        burst: float,
        *,
        max_remembered: int = MAX_REMEMBERED_BUCKETS,
        note_spent: bool = False,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._max_remembered = max_remembered
        self._buckets: dict[UserId, TokenBucket] = {}
        # What was taken since it was last asked for.
        self._spent: dict[UserId, int] | None = {} if note_spent else None
        self.refusals = Refusals()
        """Of all buckets together."""

    def of(self, user: UserId, now: float) -> TokenBucket:
        """The bucket of ``user``, created full if there is none."""
        bucket = self._buckets.get(user)
        if bucket is None:
            if len(self._buckets) >= self._max_remembered:
                # Forgotten users start again with a full bucket: at most one extra burst each.
                self._buckets.clear()
            bucket = self._buckets[user] = self._new(user, now)
        return bucket

    def take_spent(self) -> dict[UserId, int]:
        """How many tokens users have taken since the last call."""
        if not self._spent:
            return {}
        spent = dict(self._spent)
        # The same object: the buckets have it.
        self._spent.clear()
        return spent

    def lower(self, levels: Mapping[UserId, float], now: float) -> None:
        """
        Have no more tokens than there are on all nodes.

        Args:
            levels: What was left when this node had spent what it last reported.

        """
        for user, level in levels.items():
            if bucket := self._buckets.get(user):
                bucket.lower(level - (self._spent or {}).get(user, 0), now)

    def _new(self, user: UserId, now: float) -> TokenBucket:
        if self._spent is None:
            return TokenBucket(self._rate, self._burst, now, self.refusals)
        return _NotedTokenBucket(self._rate, self._burst, now, self.refusals, user, self._spent)
