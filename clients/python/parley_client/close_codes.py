"""What to do when a connection ends, by the hundreds of its close code (docs/protocol.md, 2.4)."""

from enum import Enum, auto
from random import Random

from .errors import Refused, refused
from .limits import Limits

ABNORMAL = 1006
"""The connection ended without a close frame (RFC 6455, section 7.4.1)."""

UNAUTHORIZED = 4001

_ERROR_CODES = {
    4000: "bad_request",
    4001: "unauthorized",
    4003: "forbidden",
    4004: "room_not_found",
    4009: "too_many_connections",
}


class Step(Enum):
    """What to do next."""

    STOP = auto()
    BACK_OFF = auto()
    AT_ONCE = auto()
    NEW_TOKEN = auto()


def next_step(code: int) -> Step:
    """What a close code asks for. Those that are not listed count as 41xx."""
    return {40: Step.STOP, 42: Step.AT_ONCE, 43: Step.NEW_TOKEN}.get(code // 100, Step.BACK_OFF)


def stop_reason(code: int, reason: str) -> Refused:
    """The exception for a close code after which a client stops."""
    name = _ERROR_CODES.get(code) or reason.partition(":")[0] or str(code)
    return refused({"code": name, "detail": f"The server closed the connection: {code} {reason}"})


class Backoff:
    """
    The pauses between attempts to connect: doubled, bounded, random by half.

    Random so that the clients of a server that was restarted don't return at the same moment.
    """

    def __init__(self, limits: Limits, rng: Random) -> None:
        self._min = limits.backoff_min_seconds
        self._max = limits.backoff_max_seconds
        self._rng = rng
        self.failures = 0
        """Connections in a row that ended before they had caught up."""

    def pause(self, step: Step) -> float:
        """Count a failure; return the seconds to wait after it."""
        self.failures += 1
        if step in (Step.AT_ONCE, Step.NEW_TOKEN) and self.failures == 1:
            return 0.0
        # The exponent is bounded, or a long outage would overflow.
        longest: float = min(self._max, self._min * 2.0 ** min(self.failures - 1, 32))
        return longest * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        """A connection has caught up."""
        self.failures = 0
