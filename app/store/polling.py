"""What a node polls every second, in case a notification of the broker was lost."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from ..domain.ids import RoomId, SessionId, UserId
from .bulk import BulkStatement
from .database import DbConnection

_BOUNDS = BulkStatement(
    "SELECT rooms.id, rooms.head, rooms.first FROM {keys} JOIN rooms ON rooms.id = k.id",
    id="bigint",
)
# One statement, because each is a round trip: the epoch is in each row, and is alone in the only
# one if there is no revocation.
_REVOCATIONS_AND_EPOCH = sa.text(
    "SELECT (SELECT value FROM meta WHERE key = 'epoch'),"
    " found.id, found.user_id, found.session_id, found.erased"
    " FROM (SELECT 1 AS one) AS always LEFT JOIN"
    " (SELECT r.id, r.user_id, r.session_id, u.erased_at IS NOT NULL AS erased"
    " FROM revocations AS r JOIN users AS u ON u.id = r.user_id"
    " WHERE r.id > :after ORDER BY r.id LIMIT :limit) AS found ON always.one = 1"
    " ORDER BY found.id"
)
_NEWEST = sa.text("SELECT coalesce(max(id), 0) FROM revocations")


class Revocation(NamedTuple):
    """A log-in was ended; ``session`` None: all log-ins that the user had."""

    id: int
    user: UserId
    session: SessionId | None
    erased: bool
    """Whether the account is erased, and its name gone."""


class Bounds(NamedTuple):
    """The first and last seq of a room's log."""

    room: RoomId
    head: int
    first: int


def bounds(connection: DbConnection, rooms: Iterable[RoomId]) -> Sequence[Bounds]:
    """Return the bounds of the logs of ``rooms``."""
    return [Bounds(*row) for row in _BOUNDS.rows(connection, [(room,) for room in rooms])]


def newest_revocation(connection: DbConnection) -> int:
    """Return the id of the last revocation; 0 if there is none."""
    found: int = connection.execute(_NEWEST).scalar_one()
    return found


def revocations_and_epoch(
    connection: DbConnection, after: int, limit: int
) -> tuple[list[Revocation], str | None]:
    """Return the revocations after the id ``after``, oldest first, and the epoch."""
    rows = connection.execute(_REVOCATIONS_AND_EPOCH, {"after": after, "limit": limit}).all()
    found = [
        Revocation(id_, user, session, bool(erased))
        for _, id_, user, session, erased in rows
        if id_ is not None
    ]
    return found, rows[0][0]
