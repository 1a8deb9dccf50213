"""
Opening and ending connections: one set of rules for sockets and other open requests.

A connection is registered before its log-in is read, so that a revocation in between closes it,
and counted when the log-in has been confirmed.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from ..domain.close_codes import DRAINING, IDLE, TOO_MANY_CONNECTIONS, Close
from ..domain.connection_limits import MAX_PROBED_CONNECTIONS, MAX_WAITING_CONNECTIONS
from ..security.access_tokens import Claims
from ..services.accounts.authenticator import Authenticator, Identity
from .activity import ActivityNotifier
from .connection import Connection
from .drain import Drain
from .hub import Hub
from .outbox import Outbox


class Connections:
    """
    Opens and ends connections. Used in the event loop.

    Args:
        max_per_user: Open connections of one user on this node; 0 for no limit.
        probe_seconds: How long a connection may take to answer when another needs its place.

    """

    def __init__(
        self,
        *,
        hub: Hub,
        activity: ActivityNotifier,
        authenticator: Authenticator,
        drain: Drain,
        max_per_user: int,
        probe_seconds: float,
    ) -> None:
        self._hub = hub
        self._activity = activity
        self._authenticator = authenticator
        self._drain = drain
        self._max_per_user = max_per_user
        self._probe_seconds = probe_seconds
        self.opened: Counter[str] = Counter()
        """Connections that were opened, by transport."""
        self.ended: Counter[str] = Counter()
        """The same of those that have ended."""
        self.closed: Counter[int] = Counter()
        """Connections that have ended, by close code; 0: the client ended it, or was lost."""

    def open(
        self,
        token: str,
        *,
        outbox: Outbox,
        close: Callable[[Close], None],
        probe: Callable[[float], Awaitable[bool]],
        path_room: str | None,
        transport: str,
    ) -> Connection:
        """
        Register a connection. The caller must :meth:`end` it, whatever happens.

        Args:
            transport: ``websocket``, ``asgi`` or ``http``: what it is counted as.
            close: Called with a close code when the connection has to end. May be called again;
                the first code counts.
            probe: Whether the client answers within so many seconds, or its TCP; true where it
                can't be asked.
            path_room: The room in the connection's path, if there is one.

        Raises:
            TokenExpired: If the token has expired.
            Unauthorized: If the token is not valid.

        """
        claims = self._authenticator.read(token)
        connection = Connection(
            user=claims.user,
            username="",
            session=claims.session,
            expires_at=claims.expires_at,
            outbox=outbox,
            close=close,
            probe=probe,
            path_room=path_room,
            transport=transport,
        )
        self.opened[transport] += 1
        self._hub.register(connection)
        return connection

    async def admit(self, connection: Connection) -> tuple[Identity, Close | None]:
        """
        Confirm the log-in of a registered connection.

        Returns:
            The user, and the close code if the connection is refused all the same.

        Raises:
            Unauthorized: If the log-in has ended, or its user is disabled.
            Unavailable: If the database can't be read now.

        """
        claims = Claims(connection.user, connection.session, connection.expires_at)
        identity = await self._authenticator.confirm(claims)
        if not self._has_place(connection):
            await self._make_room(connection)
            # The log-in may have ended meanwhile.
            identity = await self._authenticator.confirm(claims)
        connection.username = identity.username
        connection.display_name = identity.display_name
        connection.is_admin = identity.is_admin
        if not self._has_place(connection):
            return identity, TOO_MANY_CONNECTIONS
        return identity, DRAINING if self._drain.started else None

    def _has_place(self, connection: Connection) -> bool:
        return not self._max_per_user or len(self._older(connection)) < self._max_per_user

    def _older(self, connection: Connection) -> list[Connection]:
        """The user's open connections that were registered before this one, oldest first."""
        older = []
        for other in self._hub.of_user(connection.user):
            if other is connection:
                break
            if not other.closed:
                older.append(other)
        return older

    async def _make_room(self, connection: Connection) -> None:
        """
        End the oldest connections whose clients don't answer.

        A phone that changed networks leaves sockets that only the server still has.
        """
        older = self._older(connection)
        if len(older) >= self._max_per_user + MAX_WAITING_CONNECTIONS:
            return
        probed = older[:MAX_PROBED_CONNECTIONS]
        answered = await asyncio.gather(*(each.probe(self._probe_seconds) for each in probed))
        for each, has_answered in zip(probed, answered, strict=True):
            if not has_answered:
                each.close(IDLE)
                self.retire(each)

    def retire(self, connection: Connection) -> None:
        """Send nothing more of any room: the connection is about to close. Idempotent."""
        self._activity.forget(connection)
        self._hub.retire(connection)

    def end(self, connection: Connection, why: Close | None) -> None:
        """Remove a closed connection, of which the first call says why. Idempotent."""
        self.retire(connection)
        if self._hub.unregister(connection):
            self.ended[connection.transport] += 1
            self.closed[0 if why is None else why.code] += 1
