"""Stopping without losing anything: announce it, commit and reply to what was sent, close."""

import asyncio
import random

from ..domain.close_codes import DRAINING
from ..domain.connection_limits import MAX_RECONNECT_MS, RECONNECTS_PER_SECOND
from ..services.log.committer import Committer
from ..wire import answers
from .hub import Hub
from .presence_exchange import PresenceExchange


class Drain:
    """The last phase of a server. Starts once and is never undone."""

    def __init__(
        self, hub: Hub, committer: Committer, presence_exchange: PresenceExchange | None = None
    ) -> None:
        self._hub = hub
        self._committer = committer
        self._presence_exchange = presence_exchange
        self.started = False
        """Once set, new connections are refused."""

    async def run(self) -> None:
        """Start, and return when every connection has ended; see :func:`drain`."""
        self.started = True
        await drain(self._hub, self._committer, self._presence_exchange)


async def drain(
    hub: Hub, committer: Committer, presence_exchange: PresenceExchange | None = None
) -> None:
    """
    Close every connection, and return when all have ended.

    Each client is given a time of its own to reconnect at, so that they don't come back all at
    once. Appends that were submitted before are committed and replied to; later ones fail with
    ``unavailable``. The caller limits how long this may take.

    For other nodes its users stay present until they should be back, and for the grace.
    """
    connections = list(hub.connections())
    spread = min(MAX_RECONNECT_MS, 1_000 * len(connections) // RECONNECTS_PER_SECOND)
    for connection in connections:
        wait = random.randint(0, spread)
        connection.send(answers.signal("drain", reconnect_in_ms=wait))
    committer.close()
    if presence_exchange is not None:
        await presence_exchange.leave(spread / 1_000)
    await committer.finished.wait()
    # Replies to the last batch are flushed at the end of this turn of the loop.
    await asyncio.sleep(0)
    for connection in hub.connections():
        connection.close(DRAINING)
    await hub.deserted.wait()
