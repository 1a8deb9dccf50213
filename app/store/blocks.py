"""Which users have blocked which."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from ..domain.ids import Millis, UserId
from .bulk import BulkStatement
from .database import DbConnection

_BLOCKS = (
    "SELECT u.username, u.display_name, b.at FROM blocks AS b"
    " JOIN users AS u ON u.id = b.blocked_id WHERE b.user_id = :user"
)
_PAGE = sa.text(f"{_BLOCKS} AND u.username > :after ORDER BY u.username LIMIT :limit")
_ONE = sa.text(f"{_BLOCKS} AND b.blocked_id = :blocked")
_PUT = sa.text(
    "INSERT INTO blocks (user_id, blocked_id, at) VALUES (:user, :blocked, :at)"
    " ON CONFLICT (user_id, blocked_id) DO NOTHING"
)
_DROP = sa.text("DELETE FROM blocks WHERE user_id = :user AND blocked_id = :blocked")
_SEPARATED = BulkStatement(
    "SELECT k.id, b.blocked_id FROM {keys} JOIN blocks AS b ON b.user_id = k.id"
    " UNION ALL SELECT k.id, b.user_id FROM {keys} JOIN blocks AS b ON b.blocked_id = k.id",
    id="bigint",
)
_BLOCKERS = BulkStatement(
    "SELECT k.id, b.user_id FROM {keys} JOIN blocks AS b ON b.blocked_id = k.id", id="bigint"
)
_DROP_ALL = sa.text("DELETE FROM blocks WHERE user_id = :user OR blocked_id = :user")


class Block(NamedTuple):
    """A blocked user, and since when."""

    user: str
    display_name: str
    at: Millis


def page(connection: DbConnection, user: UserId, *, after: str, limit: int) -> Sequence[Block]:
    """Return a page of the users whom ``user`` has blocked, by name, after ``after``."""
    rows = connection.execute(_PAGE, {"user": user, "after": after, "limit": limit})
    return [Block._make(row) for row in rows]


def separated(
    connection: DbConnection, users: Iterable[UserId]
) -> Mapping[UserId, frozenset[UserId]]:
    """Return, for each user, those whom they have blocked or who have blocked them."""
    return _by_user(connection, _SEPARATED, users)


def blockers(
    connection: DbConnection, users: Iterable[UserId]
) -> Mapping[UserId, frozenset[UserId]]:
    """Return, for each user, those who have blocked them."""
    return _by_user(connection, _BLOCKERS, users)


def _by_user(
    connection: DbConnection, statement: BulkStatement, users: Iterable[UserId]
) -> Mapping[UserId, frozenset[UserId]]:
    found: dict[UserId, set[UserId]] = {user: set() for user in users}
    for user, other in statement.rows(connection, [(user,) for user in found]):
        found[user].add(other)
    return {user: frozenset(others) for user, others in found.items()}


def put(connection: DbConnection, user: UserId, blocked: UserId, at: Millis) -> Block:
    """Block a user. If that user is blocked already, the block keeps its time."""
    connection.execute(_PUT, {"user": user, "blocked": blocked, "at": at})
    return Block._make(connection.execute(_ONE, {"user": user, "blocked": blocked}).one())


def drop(connection: DbConnection, user: UserId, blocked: UserId) -> None:
    """Unblock a user. Idempotent."""
    connection.execute(_DROP, {"user": user, "blocked": blocked})


def delete_all(connection: DbConnection, user: UserId) -> None:
    """Delete the user's blocks, and the blocks of the user by others."""
    connection.execute(_DROP_ALL, {"user": user})
