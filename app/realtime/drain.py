"""Stopping without losing anything: say when to come back, answer what was taken, close."""

import asyncio
import random

from ..domain.close_codes import DRAINING
from ..domain.limits import MAX_RECONNECT_MS, RECONNECTS_PER_SECOND
from ..services.log.committer import Committer
from ..wire import answers
from .hub import Hub


class Drain:
    """The end of a server's service. Begins once, and is never taken back."""

    def __init__(self, hub: Hub, committer: Committer) -> None:
        self._hub = hub
        self._committer = committer
        self.started = False
        """From then on new connections are refused."""

    async def run(self) -> None:
        """Begin, and return when every connection has ended; see :func:`drain`."""
        self.started = True
        await drain(self._hub, self._committer)


async def drain(hub: Hub, committer: Committer) -> None:
    """
    Send everybody away, and return when they have gone.

    Each client is told a moment of its own to reconnect at, so that they don't all come at
    once. What they asked before is committed and answered first; what they ask now is
    ``unavailable``. The caller limits the time.
    """
    connections = list(hub.connections())
    spread = min(MAX_RECONNECT_MS, 1_000 * len(connections) // RECONNECTS_PER_SECOND)
    for connection in connections:
        wait = random.randint(0, spread)
        connection.send(answers.signal("drain", reconnect_in_ms=wait))
    committer.close()
    await committer.finished.wait()
    # Answers of the last batch are flushed at the end of this turn of the loop.
    await asyncio.sleep(0)
    for connection in hub.connections():
        connection.close(DRAINING)
    await hub.deserted.wait()
