"""
Which user an access token belongs to.

The access token names its log-in. Whether the log-in still exists is read from the database for
every request, so that ending one takes effect without a list of revoked tokens. Requests that
arrive at the same moment share one query.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ...domain.errors import TokenExpired, Unauthorized, Unavailable
from ...domain.ids import Millis, SessionId, UserId
from ...domain.limits import LAST_USED_SECONDS
from ...security.access_tokens import AccessTokens, Claims
from ...store import sessions
from ...store.batch_loader import BatchLoader, Loader
from ...store.database import Database


class Identity(NamedTuple):
    """The user that makes a request."""

    user: UserId
    username: str
    display_name: str
    created_at: Millis
    """When the account was created."""
    is_admin: bool
    session: SessionId
    expires_at: Millis
    """When the token or the log-in ends, whichever comes first."""


class Authenticator:
    """
    Verifies access tokens, and records when a log-in was last used.

    Used in the event loop. No result is cached: each is read from the database after the call.
    Every method is safe to cancel.
    """

    def __init__(
        self,
        database: Database,
        batch_loader: BatchLoader,
        access_tokens: AccessTokens,
        now: Callable[[], Millis],
    ) -> None:
        self._database = database
        self._access_tokens = access_tokens
        self._now = now
        self._owners = Loader(batch_loader, sessions.owners)
        # Log-ins whose use is not recorded yet, and the task that records them.
        self._used: set[SessionId] = set()
        self._recording: asyncio.Task[None] | None = None

    async def authenticate(self, token: str) -> Identity:
        """
        The user that an access token belongs to.

        Raises:
            TokenExpired: If the token has expired.
            Unauthorized: If this installation hasn't issued it, its log-in has ended, or its user
                is disabled.
            Unavailable: If the database can't be read now.

        """
        return await self.confirm(self.read(token))

    def read(self, token: str) -> Claims:
        """
        The claims of an access token. Never awaits; :meth:`confirm` checks its log-in.

        Raises:
            TokenExpired: If the token has expired.
            Unauthorized: If this installation hasn't issued it.

        """
        return self._access_tokens.read(token, self._now())

    async def confirm(self, claims: Claims) -> Identity:
        """
        The user of the log-in that ``claims`` name.

        Raises:
            Unauthorized: If the log-in has ended, or its user is disabled.
            Unavailable: If the database can't be read now.

        """
        now = self._now()
        owner = await self._owners.get(claims.session)
        if owner is None or owner.user != claims.user or owner.expires_at <= now:
            raise Unauthorized
        if now - owner.last_used_at > LAST_USED_SECONDS * 1000:
            self._record_use(owner.session)
        return Identity(
            user=owner.user,
            username=owner.username,
            display_name=owner.display_name,
            created_at=owner.created_at,
            is_admin=owner.is_admin,
            session=owner.session,
            expires_at=min(claims.expires_at, owner.expires_at),
        )

    def is_operator(self, token: str) -> bool:
        """
        Whether ``token`` was signed by a command that knows this installation's secret.

        Raises:
            TokenExpired: If it was, more than a minute ago.

        """
        try:
            self._access_tokens.read_operator(token, self._now())
        except TokenExpired:
            raise
        except Unauthorized:
            return False
        return True

    async def close(self) -> None:
        """Wait until every recorded use is written."""
        if self._recording is not None:
            await self._recording

    def _record_use(self, session: SessionId) -> None:
        # In the background: one write for all log-ins used meanwhile, and no request waits.
        self._used.add(session)
        if self._recording is None:
            self._recording = asyncio.create_task(self._record_uses())

    async def _record_uses(self) -> None:
        try:
            while self._used:
                used, self._used = list(self._used), set()
                await self._database.write(partial(sessions.record_use, used=used, at=self._now()))
        except Unavailable:
            pass  # already logged; the next use is recorded
        finally:
            self._recording = None
