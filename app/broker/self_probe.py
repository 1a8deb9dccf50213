"""
Whether a node hears itself through its broker.

A connection can look healthy and carry nothing: after a failover, behind a pooler, in a client
library that has stopped reading. So each node sends itself a message through the whole path.
"""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

from ..domain.limits import BROKER_DEAF_SECONDS, BROKER_PROBE_SECONDS

log = logging.getLogger("parley.broker")


class SelfProbe:
    """
    Asks for a message every few seconds, and notices when none is heard.

    Used in the event loop; never awaits.

    Args:
        send: Sends a message with a number, which this node should hear.
        on_deaf: Called when none was heard for ``deaf_seconds``, and again each time as much
            later.

    """

    def __init__(
        self,
        send: Callable[[int], None],
        on_deaf: Callable[[], None],
        *,
        probe_seconds: float = BROKER_PROBE_SECONDS,
        deaf_seconds: float = BROKER_DEAF_SECONDS,
    ) -> None:
        self._send = send
        self._on_deaf = on_deaf
        self._probe_seconds = probe_seconds
        self._deaf_seconds = deaf_seconds
        self._probing: asyncio.TimerHandle | None = None
        self._watching: asyncio.TimerHandle | None = None
        self._heard_at = 0.0
        # The last message that was sent, and when.
        self._number = 0
        self._sent_at = 0.0
        self.is_deaf = False
        """Whether nothing was heard for so long."""
        self.went_deaf = 0
        """How often that began."""
        self.lag_seconds: float | None = None
        """How long the last message that came back in time was on its way, its turn included."""

    def start(self) -> None:
        """Begin to probe and to watch. Idempotent."""
        if self._probing is None:
            loop = asyncio.get_running_loop()
            self._heard_at = loop.time()
            self._watching = loop.call_later(self._deaf_seconds, self._watch)
            self._probe()

    def send(self) -> None:
        """Send a message now, besides those that are due."""
        self._number += 1
        # uvloop's clock has milliseconds.
        self._sent_at = monotonic()
        self._send(self._number)

    def heard(self, number: int | None) -> None:
        """Note that a message of this node was heard by it; its number, if it has one."""
        self._heard_at = asyncio.get_running_loop().time()
        if number == self._number:
            self.lag_seconds = monotonic() - self._sent_at
        if self.is_deaf:
            self.is_deaf = False
            log.warning("broker.hears_again")

    def stop(self) -> None:
        """Stop the timers."""
        for timer in (self._probing, self._watching):
            if timer is not None:
                timer.cancel()

    def _probe(self) -> None:
        loop = asyncio.get_running_loop()
        self._probing = loop.call_later(self._probe_seconds, self._probe)
        self.send()

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        due = self._heard_at + self._deaf_seconds
        if loop.time() < due:
            self._watching = loop.call_at(due, self._watch)
            return
        self._watching = loop.call_later(self._deaf_seconds, self._watch)
        if not self.is_deaf:
            self.is_deaf = True
            self.went_deaf += 1
            log.error("broker.deaf", extra={"seconds": self._deaf_seconds})
        self._on_deaf()
