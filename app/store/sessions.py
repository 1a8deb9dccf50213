"""
Log-ins, their refresh tokens, and the record of those that were ended.

A log-in's row is the lock for all its tokens: whoever exchanges one or ends the log-in takes
it first. Ending one always writes a revocation in the same transaction, from which other nodes
learn of it even if nobody told them.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection as DbConnection

from app.domain.ids import Millis, SessionId, UserId
from app.domain.limits import REFRESH_GRACE_SECONDS
from app.store.bulk import BulkStatement
from app.store.tables import refresh_tokens, revocations, sessions, users


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
    """Whoever holds a token of a live log-in: the log-in and its user."""

    session: SessionId
    user: UserId
    username: str
    display_name: str
    is_admin: bool
    expires_at: Millis
    last_used_at: Millis


class RefreshOutcome(Enum):
    """What became of a refresh token that somebody showed."""

    EXCHANGED = "exchanged"
    REUSED = "reused"
    """It was spent before: someone has a copy. The log-in has been ended."""
    REFUSED = "refused"


class RefreshResult(NamedTuple):
    """The outcome, and whose it was; both None when there is no such token."""

    outcome: RefreshOutcome
    user: UserId | None = None
    session: SessionId | None = None


_COLUMNS = [sessions.c[name] for name in Session._fields]

_HOLDERS = BulkStatement(
    "SELECT s.id, s.user_id, u.username, u.display_name, u.is_admin, s.expires_at, s.last_used_at"
    " FROM {keys} JOIN sessions s ON s.id = k.session JOIN users u ON u.id = s.user_id"
    " WHERE s.revoked_at IS NULL AND u.disabled_at IS NULL AND u.erased_at IS NULL",
    session="bigint",
)
_TOUCH = BulkStatement(
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
    """Begin a log-in with its first refresh token."""
    statement = sa.insert(sessions).values(
        user_id=user, label=label, created_at=at, last_used_at=at, expires_at=expires_at
    )
    session = SessionId(connection.execute(statement.returning(sessions.c.id)).scalar_one())
    _insert_token(connection, session, refresh_hash, at)
    return session


def owners(
    connection: DbConnection, wanted: Sequence[SessionId]
) -> Mapping[SessionId, SessionOwner]:
    """Those of the log-ins that were not ended, with their users; one query for all."""
    rows = _HOLDERS.rows(connection, [(session,) for session in wanted])
    found = [SessionOwner._make(row) for row in rows]
    # SQLite answers 0 or 1 where a statement is plain text.
    return {holder.session: holder._replace(is_admin=bool(holder.is_admin)) for holder in found}


def touch(connection: DbConnection, used: Sequence[SessionId], at: Millis) -> None:
    """Note that these log-ins were used."""
    _TOUCH.run(connection, [(session,) for session in used], at=at)


def live(
    connection: DbConnection, user: UserId, now: Millis, *, before: int | None = None, limit: int
) -> Sequence[Session]:
    """The user's log-ins that can still be used, the newest first, from below ``before``."""
    statement = (
        sa.select(*_COLUMNS)
        .where(sessions.c.user_id == user, *_is_live(now))
        .order_by(sessions.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(sessions.c.id < before)
    return [Session._make(row) for row in connection.execute(statement)]


def rotate_refresh_token(
    connection: DbConnection, shown: bytes, successor: bytes, now: Millis
) -> RefreshResult:
    """
    Spend the refresh token with the hash ``shown`` and store its ``successor``.

    One that was spent a moment ago is exchanged again (the answer was lost, or there are two
    tabs); one that was spent longer ago is in two hands, and ends the log-in.
    """
    session = _session_of(connection, shown)
    row = None if session is None else _lock(connection, session)
    if row is None or row.revoked_at is not None or row.expires_at <= now:
        return RefreshResult(RefreshOutcome.REFUSED)
    found = RefreshResult(RefreshOutcome.EXCHANGED, row.user_id, row.id)
    if not _may_log_in(connection, row.user_id):
        return found._replace(outcome=RefreshOutcome.REFUSED)
    token = connection.execute(
        sa.select(refresh_tokens.c.spent_at).where(refresh_tokens.c.hash == shown)
    ).one_or_none()
    if token is None:
        return found._replace(outcome=RefreshOutcome.REFUSED)
    if token.spent_at is not None and now - token.spent_at > REFRESH_GRACE_SECONDS * 1000:
        end(connection, row.user_id, [row.id], now)
        return found._replace(outcome=RefreshOutcome.REUSED)
    if token.spent_at is None:
        spent = sa.update(refresh_tokens).where(refresh_tokens.c.hash == shown)
        connection.execute(spent.values(spent_at=now))
    _insert_token(connection, row.id, successor, now)
    return found


def end(
    connection: DbConnection, user: UserId, ended: Sequence[SessionId], now: Millis
) -> Sequence[SessionId]:
    """End these log-ins of the user; answers those that were still live. Idempotent."""
    gone = [session for session in sorted(ended) if _end_one(connection, user, session, now)]
    if gone:
        rows = [{"user_id": user, "session_id": session, "at": now} for session in gone]
        connection.execute(sa.insert(revocations), rows)
    return gone


def end_all(connection: DbConnection, user: UserId, now: Millis) -> None:
    """End every log-in of the user, with one revocation for all, also when there is none."""
    for session in _all_live(connection, user, now):
        _end_one(connection, user, session, now)
    connection.execute(sa.insert(revocations).values(user_id=user, session_id=None, at=now))


def end_others(
    connection: DbConnection, user: UserId, kept: SessionId, now: Millis
) -> Sequence[SessionId]:
    """End every log-in of the user but one; answers those that ended."""
    others = [session for session in _all_live(connection, user, now) if session != kept]
    return end(connection, user, others, now)


def forget(connection: DbConnection, user: UserId) -> None:
    """Remove every trace of the user's log-ins, which say what devices they had."""
    mine = sa.select(sessions.c.id).where(sessions.c.user_id == user)
    connection.execute(sa.delete(refresh_tokens).where(refresh_tokens.c.session_id.in_(mine)))
    connection.execute(sa.delete(sessions).where(sessions.c.user_id == user))


def owner_of_token(connection: DbConnection, shown: bytes) -> tuple[UserId, SessionId] | None:
    """Whose refresh token this is, spent or not."""
    statement = (
        sa.select(sessions.c.user_id, sessions.c.id)
        .join_from(refresh_tokens, sessions)
        .where(refresh_tokens.c.hash == shown)
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else (row.user_id, row.id)


def sweep(connection: DbConnection, before: Millis) -> int:
    """Delete log-ins that ended or expired before that, and old revocations; answers how many."""
    over = sa.or_(sessions.c.expires_at < before, sessions.c.revoked_at < before)
    gone = sa.select(sessions.c.id).where(over)
    connection.execute(sa.delete(refresh_tokens).where(refresh_tokens.c.session_id.in_(gone)))
    # The newest stays: nodes remember its number, and SQLite would give it out again.
    newest = sa.select(sa.func.max(revocations.c.id)).scalar_subquery()
    old = sa.delete(revocations).where(revocations.c.at < before, revocations.c.id < newest)
    connection.execute(old)
    return connection.execute(sa.delete(sessions).where(over)).rowcount


def _insert_token(connection: DbConnection, session: SessionId, code: bytes, at: Millis) -> None:
    values = {"hash": code, "session_id": session, "created_at": at}
    connection.execute(sa.insert(refresh_tokens).values(values))


def _session_of(connection: DbConnection, shown: bytes) -> SessionId | None:
    statement = sa.select(refresh_tokens.c.session_id).where(refresh_tokens.c.hash == shown)
    return connection.execute(statement).scalar_one_or_none()


def _lock(connection: DbConnection, session: SessionId) -> Session | None:
    statement = (
        sa.select(*_COLUMNS).where(sessions.c.id == session).with_for_update(key_share=True)
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else Session._make(row)


def _may_log_in(connection: DbConnection, user: UserId) -> bool:
    active = sa.and_(users.c.disabled_at.is_(None), users.c.erased_at.is_(None))
    statement = sa.select(users.c.id).where(users.c.id == user, active)
    return connection.execute(statement).one_or_none() is not None


def _is_live(now: Millis) -> tuple[sa.ColumnElement[bool], ...]:
    return sessions.c.revoked_at.is_(None), sessions.c.expires_at > now


def _all_live(connection: DbConnection, user: UserId, now: Millis) -> Sequence[SessionId]:
    # In the order of their numbers, as everybody locks them.
    statement = sa.select(sessions.c.id).where(sessions.c.user_id == user, *_is_live(now))
    return connection.execute(statement.order_by(sessions.c.id)).scalars().all()


def _end_one(connection: DbConnection, user: UserId, session: SessionId, now: Millis) -> bool:
    mine = sa.update(sessions).where(sessions.c.id == session, sessions.c.user_id == user)
    ended = connection.execute(mine.where(*_is_live(now)).values(revoked_at=now)).rowcount
    if not ended:
        return False
    # Kept until now to notice a stolen one; an ended log-in has nothing to steal.
    connection.execute(sa.delete(refresh_tokens).where(refresh_tokens.c.session_id == session))
    return True
