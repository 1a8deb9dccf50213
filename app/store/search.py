"""Searching messages, in the rooms that the user may read. The index: ``search_index``."""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from ..domain.ids import SEQ_BITS, EventId, RoomId, UserId
from .bulk import BulkStatement
from .database import DbConnection
from .search_index import PUBLIC_MARK, author_mark, room_mark

_FIND = sa.text(
    "SELECT d.event_id FROM search_index AS i JOIN search_documents AS d ON d.id = i.rowid"
    " WHERE i.search_index MATCH :query AND i.rowid < :before ORDER BY i.rowid DESC LIMIT :limit"
)
_FIND_VECTORS = sa.text(
    "SELECT d.event_id FROM search_documents AS d"
    " WHERE d.words @@ CAST(:query AS tsquery) AND d.id < :before ORDER BY d.id DESC LIMIT :limit"
)
_ROOM_NAMES = BulkStatement(
    "SELECT rooms.id, rooms.name FROM {keys} JOIN rooms ON rooms.id = k.id", id="bigint"
)
_NUMBER = sa.text("SELECT id FROM search_documents WHERE event_id = :event")
_AFTER_ALL = 2**62

_MEMBERSHIPS = sa.text(
    "SELECT m.room_id, m.role, r.kind FROM members AS m JOIN rooms AS r ON r.id = m.room_id"
    " WHERE m.user_id = :user AND ((m.role IS NOT NULL AND r.kind <> 'public')"
    " OR (m.role IS NULL AND r.kind = 'public' AND m.banned_until > :now))"
)


class Scope(NamedTuple):
    """Where to search."""

    rooms: Sequence[RoomId]
    public: bool
    """Also in all public rooms."""
    excluded: Sequence[RoomId]
    by: UserId | None
    """Only messages of this author."""


def readable_rooms(connection: DbConnection, user: UserId, by: UserId | None, now: int) -> Scope:
    """Return the scope of all rooms that ``user`` may read, for messages by ``by``."""
    found = connection.execute(_MEMBERSHIPS, {"user": user, "now": now}).all()
    return Scope(
        rooms=[room for room, role, _ in found if role is not None],
        public=True,
        excluded=[room for room, role, _ in found if role is None],
        by=by,
    )


def find(
    connection: DbConnection,
    phrases: Sequence[Sequence[str]],
    scope: Scope,
    *,
    before: EventId | None,
    limit: int,
) -> list[EventId]:
    """
    Return the newest messages that contain all ``phrases``.

    Args:
        before: Only messages before this one; nothing is found if it is no longer indexed.

    """
    start = _AFTER_ALL
    if before is not None:
        start = connection.execute(_NUMBER, {"event": before}).scalar_one_or_none() or 0
    is_sqlite = connection.dialect.name == "sqlite"
    query = _match(phrases, scope) if is_sqlite else _tsquery(phrases, scope)
    rows = connection.execute(
        _FIND if is_sqlite else _FIND_VECTORS, {"query": query, "before": start, "limit": limit}
    )
    return [EventId(event) for (event,) in rows]


def room_names(connection: DbConnection, found: Sequence[EventId]) -> dict[EventId, str]:
    """Return the name of the room of each message."""
    keys = {(event >> SEQ_BITS,) for event in found}
    names = dict(map(tuple, _ROOM_NAMES.rows(connection, keys))) if keys else {}
    return {event: names[event >> SEQ_BITS] for event in found}


def _room_marks(scope: Scope) -> list[str]:
    return [room_mark(room) for room in scope.rooms] + ([PUBLIC_MARK] if scope.public else [])


def _match(phrases: Sequence[Sequence[str]], scope: Scope) -> str:
    """The query for FTS5. Every word is quoted, so that none is taken for an operator."""
    terms = [f'"{" ".join(phrase)}"' for phrase in phrases]
    if scope.by is not None:
        terms.append(f'"{author_mark(scope.by)}"')
    terms.append(_group(" OR ", '"', _room_marks(scope)))
    query = " AND ".join(terms)
    if scope.excluded:
        excluded = [room_mark(room) for room in scope.excluded]
        query = f"({query}) NOT " + _group(" OR ", '"', excluded)
    return query


def _tsquery(phrases: Sequence[Sequence[str]], scope: Scope) -> str:
    """The same query in the text form of PostgreSQL's ``tsquery``."""
    terms = [_group(" <-> ", "'", phrase) for phrase in phrases]
    if scope.by is not None:
        terms.append(f"'{author_mark(scope.by)}'")
    terms.append(_group(" | ", "'", _room_marks(scope)))
    terms += [f"!'{room_mark(room)}'" for room in scope.excluded]
    return " & ".join(terms)


def _group(operator: str, quote: str, terms: Sequence[str]) -> str:
    return "(" + operator.join(quote + term + quote for term in terms) + ")"
