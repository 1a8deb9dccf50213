"""Whom users have blocked."""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from app.domain.ids import Millis, UserId

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
_FORGET = sa.text("DELETE FROM blocks WHERE user_id = :user OR blocked_id = :user")


class Block(NamedTuple):
    """Somebody who is blocked, and since when."""

    user: str
    display_name: str
    at: Millis


def page(connection: sa.Connection, user: UserId, *, after: str, limit: int) -> Sequence[Block]:
    """Whom ``user`` has blocked, by name, those after ``after``."""
    rows = connection.execute(_PAGE, {"user": user, "after": after, "limit": limit})
    return [Block._make(row) for row in rows]


def put(connection: sa.Connection, user: UserId, blocked: UserId, at: Millis) -> Block:
    """Block somebody; who is blocked already stays so since then."""
    connection.execute(_PUT, {"user": user, "blocked": blocked, "at": at})
    return Block._make(connection.execute(_ONE, {"user": user, "blocked": blocked}).one())


def drop(connection: sa.Connection, user: UserId, blocked: UserId) -> None:
    """Block somebody no longer."""
    connection.execute(_DROP, {"user": user, "blocked": blocked})


def forget(connection: sa.Connection, user: UserId) -> None:
    """Forget whom a user has blocked, and who has blocked them."""
    connection.execute(_FORGET, {"user": user})
