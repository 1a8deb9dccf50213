"""Usernames by id, and ids by name."""

from collections.abc import Iterable

import sqlalchemy as sa

from app.domain.ids import UserId
from app.store.bulk import BulkStatement

_NAMES = BulkStatement(
    "SELECT users.id, users.username FROM {keys} JOIN users ON users.id = k.id", id="bigint"
)


def usernames(connection: sa.Connection, users: Iterable[UserId]) -> dict[UserId, str]:
    """What ``users`` are called; who does not exist is left out."""
    keys = [(user,) for user in users]
    return dict(map(tuple, _NAMES.rows(connection, keys))) if keys else {}
