"""
When a peer reads too slowly, what it loses first, and how its connection is closed.

=============================  =========================================================
unsent                         effect
=============================  =========================================================
a quarter of the limit         signals (typing, presence, activity) are dropped
half of the limit              a replay pauses until the peer has caught up
more than the limit            the connection is closed
half, in a replay, and none    the connection is closed
of it taken for a while
=============================  =========================================================

Both closes have the code ``4102 slow_consumer``. No event is lost: the client resumes from the
log.
"""

from dataclasses import dataclass, field
from random import uniform

from ..domain.close_codes import SLOW_CONSUMER, Close
from ..domain.connection_limits import (
    MAX_UNSENT_IN_REPLAY_BYTES,
    REPLAY_STALL_SECONDS,
    SLOW_CLOSE_SECONDS,
)


@dataclass(frozen=True, slots=True)
class SlowConsumerPolicy:
    """The thresholds for the outboxes of a node."""

    max_unsent_bytes: int
    """Bytes that may be unsent on one connection; 0 for no limit."""
    stall_seconds: float = REPLAY_STALL_SECONDS
    """How long a paused replay waits for the peer to take anything."""
    close_seconds: float = SLOW_CLOSE_SECONDS
    close_code: Close = SLOW_CONSUMER
    signal_bytes: int = field(init=False)
    """With a limit, signals are dropped from this many unsent bytes on."""
    replay_bytes: int = field(init=False)
    """A replay pauses beyond this many unsent bytes, even without a limit."""

    def __post_init__(self) -> None:
        limit = self.max_unsent_bytes
        object.__setattr__(self, "signal_bytes", -(-limit // 4))
        object.__setattr__(self, "replay_bytes", (limit or MAX_UNSENT_IN_REPLAY_BYTES) // 2)

    def close_timeout(self) -> float:
        """
        Seconds for the peer to take the close frame before its connection is aborted.

        Spread at random from half of ``close_seconds`` to one and a half: an abort takes a
        millisecond, and peers tend to stall at the same moment.
        """
        return self.close_seconds * uniform(0.5, 1.5)
