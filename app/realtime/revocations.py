"""Closes the connections of log-ins that have ended, on this node or on another."""

import asyncio

from ..domain.close_codes import UNAUTHORIZED, UNAVAILABLE
from ..domain.errors import Unauthorized, Unavailable
from ..domain.ids import UserId
from ..domain.sessions import SessionsRevoked
from ..security.access_tokens import Claims
from ..services.accounts.authenticator import Authenticator
from ..services.log.seams import Seams
from ..store.polling import Revocation
from .connection import Connection
from .hub import Hub


class Revocations:
    """
    Closes connections whose log-in has ended. Used in the event loop.

    The ``on_…`` methods never await and never raise.
    """

    def __init__(self, hub: Hub, authenticator: Authenticator, seams: Seams) -> None:
        self._hub = hub
        self._seams = seams
        self._authenticator = authenticator
        self._checking: set[asyncio.Task[None]] = set()

    def on_sessions_revoked(self, revoked: SessionsRevoked) -> None:
        """Close the connections of log-ins that this node has just ended."""
        self._hub.end_sessions(revoked.user, revoked.session)

    def on_revoked_elsewhere(self, revoked: SessionsRevoked) -> None:
        """
        Close the connections of log-ins that another node ended a while ago.

        If all log-ins of a user were ended, there may be newer ones by now: the log-in of each
        connection is read again.
        """
        if revoked.session is not None:
            self._hub.end_sessions(revoked.user, revoked.session)
        else:
            self._check_again(revoked.user)

    def on_polled(self, revocation: Revocation) -> None:
        """Take a revocation that the poller has found. It may be this node's own."""
        if revocation.erased:
            self._seams.on_names_changed.announce(None)
        self.on_revoked_elsewhere(SessionsRevoked(revocation.user, revocation.session))

    async def close(self) -> None:
        """Cancel the checks that are running."""
        for task in self._checking:
            task.cancel()
        await asyncio.gather(*self._checking, return_exceptions=True)

    def _check_again(self, user: UserId) -> None:
        for connection in self._hub.of_user(user):
            task = asyncio.create_task(self._check(connection))
            self._checking.add(task)
            task.add_done_callback(self._checking.discard)

    async def _check(self, connection: Connection) -> None:
        try:
            await self._authenticator.confirm(
                Claims(connection.user, connection.session, connection.expires_at)
            )
        except Unauthorized:
            connection.close(UNAUTHORIZED)
        except Unavailable:
            connection.close(UNAVAILABLE)
