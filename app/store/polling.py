"""What a node asks the database every second, in case a doorbell was lost."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from app.domain.ids import RoomId, SessionId, UserId
from app.store.bulk import BulkStatement

_BOUNDS = BulkStatement(
    "SELECT rooms.id, rooms.head, rooms.first FROM {keys} JOIN rooms ON rooms.id = k.id",
    id="bigint",
)
_ENDED = sa.text(
    "SELECT r.id, r.user_id, r.session_id, u.erased_at IS NOT NULL FROM revocations AS r"
    " JOIN users AS u ON u.id = r.user_id WHERE r.id > :after ORDER BY r.id LIMIT :limit"
)
_NEWEST = sa.text("SELECT coalesce(max(id), 0) FROM revocations")


class Revocation(NamedTuple):
    """A log-in has ended; ``session`` None: all that the user had then."""

    id: int
    user: UserId
    session: SessionId | None
    erased: bool
    """Whether the account is gone, its name with it."""


class Bounds(NamedTuple):
    """Where the log of a room begins and ends."""

    room: RoomId
    head: int
    first: int


def bounds(connection: sa.Connection, rooms: Iterable[RoomId]) -> Sequence[Bounds]:
    """From where to where the logs of ``rooms`` reach."""
    return [Bounds(*row) for row in _BOUNDS.rows(connection, [(room,) for room in rooms])]


def newest_revocation(connection: sa.Connection) -> int:
    """The id of the last revocation; 0 if there is none."""
    found: int = connection.execute(_NEWEST).scalar_one()
    return found


def revocations(connection: sa.Connection, after: int, limit: int) -> list[Revocation]:
    """Revocations after ``after``, oldest first."""
    rows = connection.execute(_ENDED, {"after": after, "limit": limit})
    return [Revocation(id_, user, session, bool(gone)) for id_, user, session, gone in rows]
