"""
Opening and ending connections: one set of rules for sockets and other open requests.

A connection is registered before its log-in is read, so that a revocation in between closes it,
and counted when the log-in has been confirmed.
"""

from collections.abc import Callable

from ..domain.close_codes import DRAINING, TOO_MANY_CONNECTIONS, Close
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

    """

    def __init__(
        self,
        *,
        hub: Hub,
        activity: ActivityNotifier,
        authenticator: Authenticator,
        drain: Drain,
        max_per_user: int,
    ) -> None:
        self._hub = hub
        self._activity = activity
        self._authenticator = authenticator
        self._drain = drain
        self._max_per_user = max_per_user

    def open(
        self,
        token: str,
        *,
        outbox: Outbox,
        close: Callable[[Close], None],
        path_room: str | None,
    ) -> Connection:
        """
        Register a connection. The caller must :meth:`end` it, whatever happens.

        Args:
            close: Called with a close code when the connection has to end. May be called again;
                the first code counts.
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
            path_room=path_room,
        )
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
        identity = await self._authenticator.confirm(
            Claims(connection.user, connection.session, connection.expires_at)
        )
        connection.username = identity.username
        connection.is_admin = identity.is_admin
        open_now = sum(not other.closed for other in self._hub.of_user(identity.user))
        if self._max_per_user and open_now > self._max_per_user:
            return identity, TOO_MANY_CONNECTIONS
        return identity, DRAINING if self._drain.started else None

    def retire(self, connection: Connection) -> None:
        """Send nothing more of any room: the connection is about to close. Idempotent."""
        self._activity.forget(connection)
        self._hub.retire(connection)

    def end(self, connection: Connection) -> None:
        """Remove a closed connection. Idempotent."""
        self.retire(connection)
        self._hub.unregister(connection)
