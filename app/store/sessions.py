"""
Log-ins, and how they end.

A log-in's row is the lock for all its refresh tokens: exchanging one and ending the log-in take
it first. To end a log-in always writes a revocation in the same transaction, from which other
nodes learn of it even if the hint from the broker is lost.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from ..domain.ids import Millis, SessionId, UserId
from .bulk import BulkStatement
from .database import DbConnection
from .tables import refresh_tokens, revocations, sessions


class Session(NamedTuple):
    """A log-in, as stored."""

    id: SessionId
    user_id: UserId
    label: str
    created_at: Millis
    last_used_at: Millis
    expires_at: Millis
    revoked_at: Millis | None


class SessionOwner(NamedTuple):
    """A log-in that was not ended, with its user."""

    session: SessionId
    user: UserId
    username: str
    display_name: str
    created_at: Millis
    is_admin: bool
    expires_at: Millis
    last_used_at: Millis


_COLUMNS = [sessions.c[name] for name in Session._fields]

_OWNERS = BulkStatement(
    "SELECT s.id, s.user_id, u.username, u.display_name, u.created_at, u.is_admin, s.expires_at,"
    " s.last_used_at FROM {keys} JOIN sessions s ON s.id = k.session"
    " JOIN users u ON u.id = s.user_id"
    " WHERE s.revoked_at IS NULL AND u.disabled_at IS NULL AND u.erased_at IS NULL",
    session="bigint",
)
_SET_LAST_USED = BulkStatement(
    "UPDATE sessions SET last_used_at = :at"
    " WHERE last_used_at < :at AND id IN (SELECT session FROM {keys})",
    session="bigint",
)


def insert(
    connection: DbConnection,
    *,
    user: UserId,
    label: str,
    at: Millis,
    expires_at: Millis,
    refresh_hash: bytes,
) -> SessionId:
    """Create a log-in with its first refresh token."""
    statement = sa.insert(sessions).values(
        user_id=user, label=label, created_at=at, last_used_at=at, expires_at=expires_at
    )
    session = SessionId(connection.execute(statement.returning(sessions.c.id)).scalar_one())
    insert_refresh_token(connection, session, refresh_hash, at)
    return session


def owners(
    connection: DbConnection, wanted: Sequence[SessionId]
) -> Mapping[SessionId, SessionOwner]:
    """
    Return the owners of those log-ins that were not ended and whose user may log in.

    One query for all. Whether a log-in has expired is for the caller to check.
    """
    rows = _OWNERS.rows(connection, [(session,) for session in wanted])
    found = [SessionOwner._make(row) for row in rows]
    # SQLite returns 0 or 1: a text statement has no column types.
    return {owner.session: owner._replace(is_admin=bool(owner.is_admin)) for owner in found}


def record_use(connection: DbConnection, used: Sequence[SessionId], at: Millis) -> None:
    """Record that these log-ins were used at ``at``. The last use never moves back."""
    _SET_LAST_USED.run(connection, [(session,) for session in used], at=at)


def live(
    connection: DbConnection, user: UserId, now: Millis, *, before: int | None = None, limit: int
) -> Sequence[Session]:
    """Return a page of the user's log-ins that can be used, newest first, before ``before``."""
    statement = (
        sa.select(*_COLUMNS)
        .where(sessions.c.user_id == user, *_is_live(now))
        .order_by(sessions.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(sessions.c.id < before)
    return [Session._make(row) for row in connection.execute(statement)]


def end(
    connection: DbConnection, user: UserId, ended: Sequence[SessionId], now: Millis
) -> Sequence[SessionId]:
    """End these log-ins of the user, and return those that were still live. Idempotent."""
    gone = [session for session in sorted(ended) if _end_one(connection, user, session, now)]
    if gone:
        rows = [{"user_id": user, "session_id": session, "at": now} for session in gone]
        connection.execute(sa.insert(revocations), rows)
    return gone


def end_all(connection: DbConnection, user: UserId, now: Millis) -> None:
    """End every log-in of the user. Writes one revocation for all, even if there are none."""
    for session in _all_live(connection, user, now):
        _end_one(connection, user, session, now)
    connection.execute(sa.insert(revocations).values(user_id=user, session_id=None, at=now))


def end_others(
    connection: DbConnection, user: UserId, kept: SessionId, now: Millis
) -> Sequence[SessionId]:
    """End every log-in of the user but ``kept``, and return those that ended."""
    others = [session for session in _all_live(connection, user, now) if session != kept]
    return end(connection, user, others, now)


def delete_all(connection: DbConnection, user: UserId) -> None:
    """Delete the user's log-ins with their tokens: the labels name the user's devices."""
    mine = sa.select(sessions.c.id).where(sessions.c.user_id == user)
    connection.execute(sa.delete(refresh_tokens).where(refresh_tokens.c.session_id.in_(mine)))
    connection.execute(sa.delete(sessions).where(sessions.c.user_id == user))


def sweep(connection: DbConnection, before: Millis) -> int:
    """Delete log-ins that ended or expired before that, and old revocations; count the log-ins."""
    over = sa.or_(sessions.c.expires_at < before, sessions.c.revoked_at < before)
    gone = sa.select(sessions.c.id).where(over)
    connection.execute(sa.delete(refresh_tokens).where(refresh_tokens.c.session_id.in_(gone)))
    # Keep the newest revocation: nodes remember its id, which SQLite would use again.
    newest = sa.select(sa.func.max(revocations.c.id)).scalar_subquery()
    old = sa.delete(revocations).where(revocations.c.at < before, revocations.c.id < newest)
    connection.execute(old)
    return connection.execute(sa.delete(sessions).where(over)).rowcount


def insert_refresh_token(
    connection: DbConnection, session: SessionId, code_hash: bytes, at: Millis
) -> None:
    """Store another refresh token of a log-in, by its hash."""
    values = {"hash": code_hash, "session_id": session, "created_at": at}
    connection.execute(sa.insert(refresh_tokens).values(values))


def lock(connection: DbConnection, session: SessionId) -> Session | None:
    """Return a log-in as it is now and stays until this transaction ends."""
    statement = (
        sa.select(*_COLUMNS).where(sessions.c.id == session).with_for_update(key_share=True)
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else Session._make(row)


def _is_live(now: Millis) -> tuple[sa.ColumnElement[bool], ...]:
    return sessions.c.revoked_at.is_(None), sessions.c.expires_at > now


def _all_live(connection: DbConnection, user: UserId, now: Millis) -> Sequence[SessionId]:
    # In the order of their ids, in which every transaction locks them.
    statement = sa.select(sessions.c.id).where(sessions.c.user_id == user, *_is_live(now))
    return connection.execute(statement.order_by(sessions.c.id)).scalars().all()


def _end_one(connection: DbConnection, user: UserId, session: SessionId, now: Millis) -> bool:
    mine = sa.update(sessions).where(sessions.c.id == session, sessions.c.user_id == user)
    ended = connection.execute(mine.where(*_is_live(now)).values(revoked_at=now)).rowcount
    if not ended:
        return False
    # Exchanged tokens are kept to detect reuse. An ended log-in needs none.
    connection.execute(sa.delete(refresh_tokens).where(refresh_tokens.c.session_id == session))
    return True
