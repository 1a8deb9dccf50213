"""
Connections of a user over all nodes: those beyond the limit are closed, some time later.

Each node admits connections by its own count, so that none waits for another node. What all have
together is only acted on when it has been too much for longer than a node that was killed, or is
being restarted, is still counted.
"""

import asyncio
import logging
import secrets
from collections import Counter
from itertools import islice
from time import monotonic

from ..broker.connection_counts import ConnectionCounts
from ..domain.close_codes import TOO_MANY_CONNECTIONS
from ..domain.connection_limits import (
    CONNECTION_COUNT_SECONDS,
    EXCESS_CONNECTIONS_SECONDS,
)
from ..domain.errors import Unavailable
from ..domain.ids import UserId
from ..domain.limits import MAX_REPORTED_USERS
from .connections import Connections
from .hub import Hub

log = logging.getLogger("parley.broker")


class ConnectionExchange:
    """
    One task, which reports every few seconds. Used in the event loop.

    Args:
        most: Connections that a user may have, more than 0.
        excess_seconds: How long there must have been more, before the newest are closed.

    """

    def __init__(
        self,
        hub: Hub,
        connections: Connections,
        counts: ConnectionCounts,
        *,
        most: int,
        report_seconds: float = CONNECTION_COUNT_SECONDS,
        excess_seconds: float = EXCESS_CONNECTIONS_SECONDS,
    ) -> None:
        self._hub = hub
        self._connections = connections
        self._counts = counts
        self._most = most
        self._report_seconds = report_seconds
        self._excess_seconds = excess_seconds
        self._node = secrets.token_hex(6)
        # Who had connections when it was last reported.
        self._reported: set[UserId] = set()
        # Since when users have had connections here beyond the limit.
        self._since: dict[UserId, float] = {}

    async def run(self) -> None:
        """Report until cancelled."""
        while True:
            await asyncio.sleep(self._report_seconds)
            try:
                await self.report()
            except Exception as exc:  # whatever was raised, the task must go on
                # Nothing is known of the others now.
                self._since.clear()
                error = str(exc.__cause__ or exc).partition("\n")[0] or type(exc).__name__
                # What is not the store's doing is a bug: with its traceback.
                bug = None if isinstance(exc, Unavailable) else exc
                log.warning("connections.failed", extra={"error": error}, exc_info=bug)

    async def report(self) -> None:
        """
        Report the connections of this node, and close what has been too much for too long.

        Raises:
            Unavailable: If the store doesn't answer.

        """
        counts = Counter(each.user for each in self._hub.connections() if not each.closed)
        gone = self._reported - counts.keys()
        self._reported = set(counts)
        reported = iter([*counts.items(), *((user, 0) for user in gone)])
        beyond: dict[UserId, int] = {}
        while some := dict(islice(reported, MAX_REPORTED_USERS)):
            before = await self._counts.report(self._node, some)
            for user, count in some.items():
                if (excess := min(count, before[user] + count - self._most)) > 0:
                    beyond[user] = excess
        self._close_old_excess(beyond)

    def _close_old_excess(self, beyond: dict[UserId, int]) -> None:
        now = monotonic()
        self._since = {user: self._since.get(user, now) for user in beyond}
        for user, excess in beyond.items():
            if now - self._since[user] >= self._excess_seconds:
                newest = [each for each in self._hub.of_user(user) if not each.closed][-excess:]
                for connection in newest:
                    connection.close(TOO_MANY_CONNECTIONS)
                    self._connections.retire(connection)
                del self._since[user]
