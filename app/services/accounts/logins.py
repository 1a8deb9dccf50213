"""
Log-ins: how one begins, is carried on with refresh tokens, and ends.

Whose access token one is, :mod:`app.services.accounts.authenticator` knows.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...domain import names
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
from .login_throttle import Throttle

log = logging.getLogger("parley.security")

_DAY_MS = 24 * 60 * 60 * 1000
# Longer than any access token lives, so that no number of a log-in comes back meanwhile.
_KEEP_ENDED_MS = 7 * _DAY_MS
# Rounds of a log-in whose password is changed under it.
_ATTEMPTS = 3
# Control characters, line breaks of all kinds, marks that reorder text, lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


class Tokens(NamedTuple):
    """What a log-in or a refresh brings."""

    access_token: str
    expires_in: int
    """Seconds."""
    refresh_token: str
    user: UserId
    session: SessionId


class Logins:
    """Begins log-ins and ends them."""

    def __init__(
        self,
        database: Database,
        *,
        passwords: Passwords,
        access_tokens: AccessTokens,
        throttle: Throttle,
        transactions: Transactions,
        refresh_token_days: int,
        now: Callable[[], Millis],
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._access_tokens = access_tokens
        self._throttle = throttle
        self._transactions = transactions
        self._life_ms = refresh_token_days * _DAY_MS
        self._now = now

    # Getting in

    async def log_in(self, username: str, password: str, label: str, address: str) -> Tokens:
        """
        Begin a log-in with a password.

        An unknown, disabled or passwordless user takes as long and answers the same as a
        wrong password.

        Raises:
            InvalidGrant: If name and password don't belong together.
            RateLimited: If too many tries for this account or from this address failed.
            Unavailable: If too many log in at once.

        """
        name = _possible(username)
        await self._throttle.check(name, address)
        for _ in range(_ATTEMPTS):
            user = await self._candidate(name)
            checked = await self._passwords.check(password, user.password_hash if user else None)
            await self._throttle.check(name, address)
            if user is None or not checked.ok:
                break
            tokens = await self._begin(user, label, user.password_hash, checked.new_hash)
            if tokens is not None:
                self._throttle.succeeded(user.username, address)
                facts = {"user": user.username, "session": tokens.session, "address": address}
                event(log, logging.INFO, "login.succeeded", **facts)
                return tokens
        await self._throttle.failed(name, address)
        event(log, logging.WARNING, "login.failed", user=name, address=address)
        raise InvalidGrant

    async def log_in_as(self, username: str, label: str) -> Tokens:
        """
        Begin a log-in of this user without a password: the caller has the authority.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If the account is disabled.

        """
        name = names.username(username)
        user = await self._database.read(lambda c: users.known(c, name))
        tokens = await self._begin(user, label)
        if tokens is None:
            raise Forbidden("This account is disabled.")
        event(log, logging.INFO, "login.granted", user=name, session=tokens.session)
        return tokens

    async def refresh(self, refresh_token: str) -> Tokens:
        """
        Exchange a refresh token for new tokens of the same log-in.

        Raises:
            InvalidGrant: If it is unknown, or its log-in has ended. If it was spent longer
                ago than a lost answer explains, the log-in has ended now.

        """
        if len(refresh_token) > MAX_TOKEN_CHARACTERS:
            raise InvalidGrant("This refresh token is not valid. Log in again.")
        now, successor = self._now(), new_code()

        def work(connection: DbConnection) -> tuple[RefreshResult, Effects]:
            shown = code_hash(refresh_token)
            found = refresh_tokens.rotate(connection, shown, code_hash(successor), now)
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

    # Being in

    async def live(
        self, user: UserId, *, before: int | None = None, limit: int
    ) -> Sequence[Session]:
        """The user's log-ins that have not ended, the newest first."""
        now = self._now()
        return await self._database.read(
            lambda c: sessions.live(c, user, now, before=before, limit=limit)
        )

    # Getting out

    async def revoke(self, token: str) -> None:
        """End the log-in that this access or refresh token belongs to, if there is one."""
        found = await self._owner(token)
        if found is not None:
            await self.end(*found)

    async def end(self, user: UserId, session: SessionId) -> None:
        """End one log-in of the user. Idempotent; nothing happens to somebody else's."""
        now = self._now()

        def work(connection: DbConnection) -> tuple[bool, Effects]:
            gone = sessions.end(connection, user, [session], now)
            revoked = [SessionsRevoked(user, session) for session in gone]
            return bool(gone), Effects(sessions_revoked=revoked)

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
        """Delete old log-ins now and then, for ever."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self.sweep()
            except Unavailable:
                log.warning("logins.not_swept")

    async def sweep(self) -> int:
        """Delete what is left of log-ins that ended a week ago; answers how many."""
        before = Millis(self._now() - _KEEP_ENDED_MS)
        return await self._database.write(lambda c: sessions.sweep(c, before))

    # Internal

    async def _candidate(self, name: str | None) -> User | None:
        if name is None:
            return None
        user = await self._database.read(lambda c: users.by_name(c, name))
        return user if user is not None and user.active else None

    async def _begin(
        self, found: User, label: str, verified: str | None = None, new_hash: str | None = None
    ) -> Tokens | None:
        """A log-in; none if the user is disabled, or ``verified`` no longer their hash."""
        now, code = self._now(), new_code()

        def work(connection: DbConnection) -> SessionId | None:
            user = users.lock(connection, found.id)
            if user is None or not user.active:
                return None
            if verified is not None and user.password_hash != verified:
                return None
            if new_hash is not None:
                users.update(connection, user.id, password_hash=new_hash)
            return sessions.insert(
                connection,
                user=user.id,
                label=_label(label),
                at=now,
                expires_at=Millis(now + self._life_ms),
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


def _possible(username: str) -> str | None:
    try:
        return names.username(username)
    except UserNotFound:
        return None


def _label(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text).strip()[:MAX_SESSION_LABEL_CHARACTERS]
