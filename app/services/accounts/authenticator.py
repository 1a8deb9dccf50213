"""
Whose token this is.

The access token says which log-in it belongs to; whether that still lives is read from the
database every time, so that ending one needs no list of tokens. Those who ask at the same
moment are answered by one query.
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
    """Whoever makes a request."""

    user: UserId
    username: str
    display_name: str
    is_admin: bool
    session: SessionId
    expires_at: Millis
    """When the token or the log-in ends, whichever comes first."""


class Authenticator:
    """Reads tokens, and notes now and then that a log-in is used."""

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
        self._holders = Loader(batch_loader, sessions.owners)
        # Log-ins whose use is not written down yet, and the task that does it.
        self._used: set[SessionId] = set()
        self._noting: asyncio.Task[None] | None = None

    async def authenticate(self, token: str) -> Identity:
        """
        Whose access token this is. Read from the database after the call, never remembered.

        Raises:
            TokenExpired: If it was good once.
            Unauthorized: If it isn't ours, its log-in has ended, or its user is disabled.
            Unavailable: If the database can't be read now.

        """
        return await self.confirm(self.read(token))

    def read(self, token: str) -> Claims:
        """
        What an access token says, good or not any more: :meth:`confirm` tells.

        Raises:
            TokenExpired: If it was good once.
            Unauthorized: If it isn't ours.

        """
        return self._access_tokens.read(token, self._now())

    async def confirm(self, claims: Claims) -> Identity:
        """
        Who holds a log-in, if it has not ended. Read after the call, never remembered.

        Raises:
            Unauthorized: If it has ended, or its user is disabled.
            Unavailable: If the database can't be read now.

        """
        now = self._now()
        holder = await self._holders.get(claims.session)
        if holder is None or holder.user != claims.user or holder.expires_at <= now:
            raise Unauthorized
        if now - holder.last_used_at > LAST_USED_SECONDS * 1000:
            self._note_use(holder.session)
        return Identity(
            user=holder.user,
            username=holder.username,
            display_name=holder.display_name,
            is_admin=holder.is_admin,
            session=holder.session,
            expires_at=min(claims.expires_at, holder.expires_at),
        )

    def is_operator(self, token: str) -> bool:
        """
        Whether a command has signed ``token`` with this installation's secret, just now.

        Raises:
            TokenExpired: If it was so a minute ago.

        """
        try:
            self._access_tokens.read_operator(token, self._now())
        except TokenExpired:
            raise
        except Unauthorized:
            return False
        return True

    async def close(self) -> None:
        """Wait for what is being written."""
        if self._noting is not None:
            await self._noting

    def _note_use(self, session: SessionId) -> None:
        # One write for all that were used meanwhile; no request waits for it.
        self._used.add(session)
        if self._noting is None:
            self._noting = asyncio.create_task(self._note_uses())

    async def _note_uses(self) -> None:
        try:
            while self._used:
                used, self._used = list(self._used), set()
                await self._database.write(partial(sessions.record_use, used=used, at=self._now()))
        except Unavailable:
            pass  # logged where it arose; the next use notes it
        finally:
            self._noting = None
