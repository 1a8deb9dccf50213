"""
Log-ins: starting them with a password, continuing them with refresh tokens, ending them.

Access tokens are verified by :mod:`app.services.accounts.authenticator`.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...domain import names
from ...domain.characters import cut_invisible
from ...domain.errors import (
    Forbidden,
    InvalidGrant,
    TokenExpired,
    Unauthorized,
    Unavailable,
    UserNotFound,
)
from ...domain.ids import Millis, SessionId, UserId
from ...domain.limits import MAX_SESSION_LABEL_CHARACTERS, MAX_TOKEN_CHARACTERS, SWEEP_SECONDS
from ...domain.sessions import SessionsRevoked
from ...observability.logs import event
from ...security.access_tokens import AccessTokens
from ...security.codes import code_hash, new_code
from ...security.passwords import Passwords
from ...store import refresh_tokens, sessions, users
from ...store.database import Database, DbConnection
from ...store.refresh_tokens import RefreshOutcome, RefreshResult
from ...store.sessions import Session
from ...store.users import User
from ..log.transactions import Effects, Transactions
from .login_throttle import LoginThrottle

log = logging.getLogger("parley.security")

_DAY_MS = 24 * 60 * 60 * 1000
# Longer than any access token is valid, so that no session id is reused while a token names it.
_KEEP_ENDED_MS = 7 * _DAY_MS
# How often a log-in is tried again because the password was changed meanwhile.
_ATTEMPTS = 3
# Control characters, line breaks of all kinds, marks that reorder text, lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


class Tokens(NamedTuple):
    """What a client gets from a log-in or a refresh."""

    access_token: str
    expires_in: int
    """Seconds."""
    refresh_token: str
    user: UserId
    session: SessionId


class Logins:
    """
    Starts, continues and ends log-ins. Used in the event loop.

    Log-ins that end are announced after the commit, so that their connections close. Everything
    raises ``Unavailable`` if the database can't be used now.
    """

    def __init__(
        self,
        database: Database,
        *,
        passwords: Passwords,
        access_tokens: AccessTokens,
        throttle: LoginThrottle,
        transactions: Transactions,
        refresh_token_days: int,
        now: Callable[[], Millis],
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._access_tokens = access_tokens
        self._throttle = throttle
        self._transactions = transactions
        self._refresh_token_ms = refresh_token_days * _DAY_MS
        self._now = now
        self.succeeded = 0
        """Log-ins with a password."""
        self.failed = 0
        """Log-ins with a wrong name or password."""

    # Starting and continuing

    async def log_in(self, username: str, password: str, label: str, address: str) -> Tokens:
        """
        Start a log-in with a password.

        For an unknown or disabled user, and one without a password, the result and the time it
        takes are those of a wrong password.

        Raises:
            InvalidGrant: If the name or the password is wrong.
            RateLimited: If too many attempts for this account or from this address failed.
            Unavailable: If too many passwords are being checked.

        """
        name = _valid_username(username)
        await self._throttle.check(name, address)
        for _ in range(_ATTEMPTS):
            user = await self._find_active(name)
            checked = await self._passwords.check(
                password,
                user.password_hash if user else None,
                is_normalized=user is not None and user.password_normalized,
            )
            await self._throttle.check(name, address)
            if user is None or not checked.ok:
                break
            tokens = await self._start(user, label, user.password_hash, checked.new_hash)
            if tokens is not None:
                self.succeeded += 1
                self._throttle.succeeded(user.username, address)
                facts = {"user": user.username, "session": tokens.session, "address": address}
                event(log, logging.INFO, "login.succeeded", **facts)
                return tokens
        self.failed += 1
        await self._throttle.failed(name, address)
        event(log, logging.WARNING, "login.failed", user=name, address=address)
        raise InvalidGrant

    async def log_in_as(self, username: str, label: str) -> Tokens:
        """
        Start a log-in of this user without a password. The caller is authorised to.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If the account is disabled.

        """
        name = names.username(username)
        user = await self._database.read(lambda c: users.known(c, name))
        tokens = await self._start(user, label)
        if tokens is None:
            raise Forbidden("This account is disabled.")
        event(log, logging.INFO, "login.granted", user=name, session=tokens.session)
        return tokens

    async def refresh(self, refresh_token: str) -> Tokens:
        """
        Exchange a refresh token for new tokens of the same log-in.

        Raises:
            InvalidGrant: If it is unknown, or its log-in has ended. If it was used before, longer
                ago than a lost response explains, it may be stolen: that ends its log-in.

        """
        if len(refresh_token) > MAX_TOKEN_CHARACTERS:
            raise InvalidGrant("This refresh token is not valid. Log in again.")
        now, successor = self._now(), new_code()

        def work(connection: DbConnection) -> tuple[RefreshResult, Effects]:
            presented = code_hash(refresh_token)
            found = refresh_tokens.rotate(connection, presented, code_hash(successor), now)
            if found.outcome is not RefreshOutcome.REUSED or found.user is None:
                return found, Effects()
            revoked = SessionsRevoked(found.user, found.session)
            return found, Effects(sessions_revoked=[revoked])

        found = await self._transactions.write(work)
        if found.outcome is RefreshOutcome.REUSED:
            facts = {"user_id": found.user, "session": found.session}
            event(log, logging.WARNING, "login.refresh_token_reused", **facts)
        if (
            found.outcome is not RefreshOutcome.EXCHANGED
            or found.user is None
            or found.session is None
        ):
            raise InvalidGrant("This refresh token is not valid. Log in again.")
        return self._tokens(found.user, found.session, successor, now)

    # Listing

    async def live(
        self, user: UserId, *, before: int | None = None, limit: int
    ) -> Sequence[Session]:
        """The user's log-ins that have not ended, newest first, before the session ``before``."""
        now = self._now()
        return await self._database.read(
            lambda c: sessions.live(c, user, now, before=before, limit=limit)
        )

    # Ending

    async def revoke(self, token: str) -> None:
        """End the log-in that an access or refresh token belongs to, if any. Idempotent."""
        found = await self._owner(token)
        if found is not None:
            await self.end(*found)

    async def end(self, user: UserId, session: SessionId) -> None:
        """End one log-in of the user. Idempotent; a log-in of another user is left alone."""
        now = self._now()

        def work(connection: DbConnection) -> tuple[bool, Effects]:
            ended = sessions.end(connection, user, [session], now)
            revoked = [SessionsRevoked(user, session) for session in ended]
            return bool(ended), Effects(sessions_revoked=revoked)

        if await self._transactions.write(work):
            event(log, logging.INFO, "login.ended", user_id=user, session=session)

    async def end_all(self, user: UserId) -> None:
        """End every log-in of the user."""
        now = self._now()

        def work(connection: DbConnection) -> tuple[None, Effects]:
            sessions.end_all(connection, user, now)
            return None, Effects(sessions_revoked=[SessionsRevoked(user, None)])

        await self._transactions.write(work)
        event(log, logging.INFO, "login.all_ended", user_id=user)

    async def run(self) -> None:
        """Delete old log-ins periodically, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self.sweep()
            except Unavailable:
                log.warning("logins.not_swept")

    async def sweep(self) -> int:
        """Delete the rows of log-ins that ended a week ago; return how many."""
        before = Millis(self._now() - _KEEP_ENDED_MS)
        return await self._database.write(lambda c: sessions.sweep(c, before))

    # Internal

    async def _find_active(self, name: str | None) -> User | None:
        if name is None:
            return None
        user = await self._database.read(lambda c: users.by_name(c, name))
        return user if user is not None and user.active else None

    async def _start(
        self, found: User, label: str, verified: str | None = None, new_hash: str | None = None
    ) -> Tokens | None:
        """Start a log-in. None if the user is disabled or their hash is no longer ``verified``."""
        now, code = self._now(), new_code()
        expires_at = Millis(now + self._refresh_token_ms)

        def work(connection: DbConnection) -> SessionId | None:
            user = users.lock(connection, found.id)
            if user is None or not user.active:
                return None
            if verified is not None and user.password_hash != verified:
                return None
            if new_hash is not None:
                users.set_password(connection, user.id, new_hash)
            return sessions.insert(
                connection,
                user=user.id,
                label=_label(label),
                at=now,
                expires_at=expires_at,
                refresh_hash=code_hash(code),
            )

        session = await self._database.write(work)
        return None if session is None else self._tokens(found.id, session, code, now)

    def _tokens(self, user: UserId, session: SessionId, code: str, now: Millis) -> Tokens:
        access_token = self._access_tokens.issue(user, session, now)
        return Tokens(access_token, self._access_tokens.seconds, code, user, session)

    async def _owner(self, token: str) -> tuple[UserId, SessionId] | None:
        if len(token) > MAX_TOKEN_CHARACTERS:
            return None
        try:
            claims = self._access_tokens.read(token, self._now())
        except TokenExpired:
            return None
        except Unauthorized:
            return await self._database.read(lambda c: refresh_tokens.owner(c, code_hash(token)))
        return claims.user, claims.session


def _valid_username(username: str) -> str | None:
    # Keyboards add a space, and copied text a mark without width.
    try:
        return names.username(cut_invisible(username))
    except UserNotFound:
        return None


def _label(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text).strip()[:MAX_SESSION_LABEL_CHARACTERS]
