"""Usernames by id."""

from collections.abc import Iterable

from ..domain.ids import UserId
from .bulk import BulkStatement
from .damage import Damaged
from .database import DbConnection

_NAMES = BulkStatement(
    "SELECT users.id, users.username FROM {keys} JOIN users ON users.id = k.id", id="bigint"
)


def usernames(connection: DbConnection, users: Iterable[UserId]) -> dict[UserId, str]:
    """
    Return the names of ``users``, who all exist: accounts are erased, never removed.

    Raises:
        Damaged: If one is missing, on SQLite. On PostgreSQL they are left out.

    """
    keys = [(user,) for user in users]
    found = dict(map(tuple, _NAMES.rows(connection, keys))) if keys else {}
    if connection.has_checksums and len(found) < len(set(keys)):
        missing = next(user for (user,) in keys if user not in found)
        raise Damaged(f"user {missing}: is missing")
    return found
