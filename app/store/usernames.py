"""Usernames by id."""

from collections.abc import Iterable

from ..domain.ids import UserId
from .bulk import BulkStatement
from .database import DbConnection

_NAMES = BulkStatement(
    "SELECT users.id, users.username FROM {keys} JOIN users ON users.id = k.id", id="bigint"
)


def usernames(connection: DbConnection, users: Iterable[UserId]) -> dict[UserId, str]:
    """Return the names of ``users``. Ids of no user are left out."""
    keys = [(user,) for user in users]
    return dict(map(tuple, _NAMES.rows(connection, keys))) if keys else {}
