"""
Refresh tokens: each is exchanged once for a successor, and reuse ends the log-in.

The lock for all tokens of a log-in is its row in ``sessions``.
"""

from enum import Enum
from typing import NamedTuple

import sqlalchemy as sa

from ..domain.ids import Millis, SessionId, UserId
from ..domain.limits import REFRESH_GRACE_SECONDS
from . import sessions as session_store
from .database import DbConnection
from .tables import refresh_tokens, sessions, users


class RefreshOutcome(Enum):
    """What the exchange of a refresh token came to."""

    EXCHANGED = "exchanged"
    REUSED = "reused"
    """It was exchanged before, so there are two copies of it. The log-in has been ended."""
    REFUSED = "refused"


class RefreshResult(NamedTuple):
    """The outcome, and whose token it was; both None if there is no such token."""

    outcome: RefreshOutcome
    user: UserId | None = None
    session: SessionId | None = None


def rotate(
    connection: DbConnection,
    presented: bytes,
    successor: bytes,
    now: Millis,
    *,
    grace_seconds: int = REFRESH_GRACE_SECONDS,
) -> RefreshResult:
    """
    Exchange a refresh token for its successor.

    A token that was exchanged less than ``grace_seconds`` ago is exchanged again: the response
    was lost, or two tabs were restored at once. One that was exchanged earlier has been copied,
    and ends the log-in.

    Args:
        presented: The hash of the token that the client sent.
        successor: The hash of the token that it gets.

    """
    session = _session_of(connection, presented)
    row = None if session is None else session_store.lock(connection, session)
    if row is None or row.revoked_at is not None or row.expires_at <= now:
        return RefreshResult(RefreshOutcome.REFUSED)
    found = RefreshResult(RefreshOutcome.EXCHANGED, row.user_id, row.id)
    if not _may_log_in(connection, row.user_id):
        return found._replace(outcome=RefreshOutcome.REFUSED)
    token = connection.execute(
        sa.select(refresh_tokens.c.spent_at).where(refresh_tokens.c.hash == presented)
    ).one_or_none()
    if token is None:
        return found._replace(outcome=RefreshOutcome.REFUSED)
    if token.spent_at is not None and now - token.spent_at > grace_seconds * 1000:
        session_store.end(connection, row.user_id, [row.id], now)
        return found._replace(outcome=RefreshOutcome.REUSED)
    if token.spent_at is None:
        spent = sa.update(refresh_tokens).where(refresh_tokens.c.hash == presented)
        connection.execute(spent.values(spent_at=now))
    session_store.insert_refresh_token(connection, row.id, successor, now)
    return found


def owner(connection: DbConnection, presented: bytes) -> tuple[UserId, SessionId] | None:
    """Return the user and the log-in of a refresh token, exchanged or not, by its hash."""
    statement = (
        sa.select(sessions.c.user_id, sessions.c.id)
        .join_from(refresh_tokens, sessions)
        .where(refresh_tokens.c.hash == presented)
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else (row.user_id, row.id)


def _session_of(connection: DbConnection, presented: bytes) -> SessionId | None:
    statement = sa.select(refresh_tokens.c.session_id).where(refresh_tokens.c.hash == presented)
    return connection.execute(statement).scalar_one_or_none()


def _may_log_in(connection: DbConnection, user: UserId) -> bool:
    active = sa.and_(users.c.disabled_at.is_(None), users.c.erased_at.is_(None))
    statement = sa.select(users.c.id).where(users.c.id == user, active)
    return connection.execute(statement).one_or_none() is not None
