"""The full-text index on PostgreSQL: each document is a ``tsvector``, in a GIN index."""

from collections.abc import Sequence

import sqlalchemy as sa

from ..domain.ids import EventId
from . import search_pending
from .bulk import BulkStatement
from .database import DbConnection
from .search_index import Phrases, Row, Scope, SearchIndex, Span, author_mark, group, room_mark

_ADD = BulkStatement(
    "INSERT INTO search_documents (event_id, words)"
    " SELECT event, CAST(words AS tsvector) FROM {keys}",
    event="bigint",
    words="text",
)
_CHANGE = BulkStatement(
    "UPDATE search_documents SET words = CAST(k.words AS tsvector) FROM {keys}"
    " WHERE search_documents.event_id = k.event"
    " AND search_documents.words <> CAST(k.words AS tsvector)",
    event="bigint",
    words="text",
)
_DIFFERENT = BulkStatement(
    "SELECT d.event_id FROM {keys} JOIN search_documents AS d ON d.event_id = k.event"
    " WHERE d.words <> CAST(k.words AS tsvector)",
    event="bigint",
    words="text",
)
_REMOVE = sa.text("DELETE FROM search_documents WHERE event_id >= :low AND event_id < :high")
_FIND = sa.text(
    "SELECT d.event_id FROM search_documents AS d"
    " WHERE d.words @@ CAST(:query AS tsquery) AND d.id < :before ORDER BY d.id DESC LIMIT :limit"
)


class PostgresSearchIndex(SearchIndex):
    """Implements :class:`~app.store.search_index.SearchIndex`."""

    is_pending = (
        "EXISTS (SELECT 1 FROM search_pending AS p WHERE e.id >= p.low AND e.id <= p.high)"
    )
    has_entries = False

    @staticmethod
    def _encode(marks: Sequence[str], found: Sequence[str]) -> str:
        # The text form of a tsvector. Words hold neither quotes nor backslashes.
        quoted = [f"'{mark}'" for mark in marks]
        return " ".join(quoted + [f"'{word}':{at}" for at, word in enumerate(found, 1)])

    def note(self, connection: DbConnection, spans: Sequence[Span]) -> None:
        search_pending.add(connection, spans)

    def add(self, connection: DbConnection, rows: Sequence[Row]) -> None:
        _ADD.run(connection, rows)

    def change(self, connection: DbConnection, rows: Sequence[Row]) -> None:
        # First: a document that is made between the two is changed by the second.
        search_pending.add_without_document(connection, [event for event, _ in rows])
        _CHANGE.run(connection, rows)

    def remove(self, connection: DbConnection, low: int, high: int) -> None:
        search_pending.add_being_indexed(connection, low, high - 1)
        connection.execute(_REMOVE, {"low": low, "high": high})

    def find(
        self, connection: DbConnection, phrases: Phrases, scope: Scope, *, before: int, limit: int
    ) -> list[EventId]:
        query = {"query": _tsquery(phrases, scope), "before": before, "limit": limit}
        return [EventId(event) for (event,) in connection.execute(_FIND, query)]

    def different(self, connection: DbConnection, rows: Sequence[Row]) -> list[EventId]:
        return [event for (event,) in _DIFFERENT.rows(connection, rows)]


def _tsquery(phrases: Phrases, scope: Scope) -> str:
    """The query in the text form of ``tsquery``."""
    terms = [group(" <-> ", "'", phrase) for phrase in phrases]
    if scope.by is not None:
        terms.append(f"'{author_mark(scope.by)}'")
    terms.append(group(" | ", "'", scope.marks))
    terms += [f"!'{room_mark(room)}'" for room in scope.excluded]
    return " & ".join(terms)
