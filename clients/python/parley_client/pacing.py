"""
Keeps below the server's rate limits, so that a reconnect with a full outbox is not refused.

No clock: the time is an argument, in seconds.
"""

from collections.abc import Mapping
from typing import Any

# Of what `welcome` allows: other connections of the user, and frames that the client sends
# besides requests, take the rest.
_SHARE = 0.9


class _Bucket:
    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate * _SHARE
        self.burst = max(1.0, burst * _SHARE)
        self.tokens = self.burst
        self.at: float | None = None

    def wait(self, now: float) -> float:
        """Seconds until there is a token."""
        if not self.rate:
            return 0.0
        if self.at is not None:
            self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        return max(0.0, (1.0 - self.tokens) / self.rate)

    def spend(self) -> None:
        """Take a token, which may not be there."""
        self.tokens -= 1.0


class Pacing:
    """The limits of one connection (frames) and of its user (sends)."""

    def __init__(self) -> None:
        self._frames = _Bucket(0, 0)
        self._sends = _Bucket(0, 0)
        self._allowed: tuple[float, ...] = ()

    def connected(self, limits: object) -> None:
        """A connection has begun, with the ``limits`` of its ``welcome``."""
        found: Mapping[str, Any] = limits if isinstance(limits, Mapping) else {}
        self._frames = _Bucket(_number(found, "frames_per_second"), _number(found, "frame_burst"))
        allowed = _number(found, "sends_per_second"), _number(found, "send_burst")
        if allowed != self._allowed:
            # The server counts a user's sends across connections, so this bucket stays.
            self._allowed = allowed
            self._sends = _Bucket(*allowed)

    def wait(self, now: float, *, is_send: bool) -> float:
        """The seconds until a frame may be written; 0.0: now."""
        frames = self._frames.wait(now)
        return max(frames, self._sends.wait(now)) if is_send else frames

    def spend(self, *, is_send: bool) -> None:
        """Count a frame that is written."""
        self._frames.spend()
        if is_send:
            self._sends.spend()


def _number(limits: Mapping[str, Any], name: str) -> float:
    value = limits.get(name)
    return float(value) if isinstance(value, int | float) and value > 0 else 0.0
