"""The full-text index on SQLite: FTS5, with the documents as its external content."""

from collections.abc import Sequence

import sqlalchemy as sa

from ..domain.ids import EventId
from .bulk import BulkStatement
from .database import Columns, DbConnection
from .search_index import Phrases, Row, Scope, SearchIndex, Span, author_mark, group, room_mark

_LAST = "SELECT coalesce(max(id), 0) FROM search_documents"
_DOCUMENT: Columns = (("id", "bigint"), ("event_id", "bigint"), ("words", "text"))
_ENTRY: Columns = (("rowid", "bigint"), ("words", "text"))
# FTS5 reads from the document which words to remove: so remove from the index first. It must not
# be asked to remove what it does not hold, and a document without words is never in it.
# https://sqlite.org/fts5.html#external_content_tables
_UNINDEX = BulkStatement(
    "DELETE FROM search_index WHERE rowid IN"
    " (SELECT d.id FROM {keys} JOIN search_documents AS d ON d.event_id = k.event"
    " WHERE d.words <> '')",
    event="bigint",
)
_CHANGE = BulkStatement(
    "UPDATE search_documents SET words = k.words FROM {keys}"
    " WHERE search_documents.event_id = k.event",
    event="bigint",
    words="text",
)
_REINDEX = BulkStatement(
    "INSERT INTO search_index (rowid, words) SELECT d.id, d.words"
    " FROM {keys} JOIN search_documents AS d ON d.event_id = k.event WHERE d.words <> ''",
    event="bigint",
)
_DIFFERENT = BulkStatement(
    "SELECT d.event_id FROM {keys} JOIN search_documents AS d ON d.event_id = k.event"
    " WHERE d.words <> k.words",
    event="bigint",
    words="text",
)
_REMOVE_FROM_INDEX = sa.text(
    "DELETE FROM search_index WHERE rowid IN"
    " (SELECT id FROM search_documents WHERE event_id >= :low AND event_id < :high"
    " AND words <> '')"
)
_REMOVE = sa.text("DELETE FROM search_documents WHERE event_id >= :low AND event_id < :high")

_FIND = sa.text(
    "SELECT d.event_id FROM search_index AS i JOIN search_documents AS d ON d.id = i.rowid"
    " WHERE i.search_index MATCH :query AND i.rowid < :before ORDER BY i.rowid DESC LIMIT :limit"
)


class SqliteSearchIndex(SearchIndex):
    """Implements :class:`~app.store.search_index.SearchIndex`."""

    is_pending = "false"
    has_entries = True

    @staticmethod
    def _encode(marks: Sequence[str], found: Sequence[str]) -> str:
        return " ".join([*marks, *found])

    def note(self, connection: DbConnection, spans: Sequence[Span]) -> None:
        """Do nothing: see :mod:`.search_backlog`."""

    def add(self, connection: DbConnection, rows: Sequence[Row]) -> None:
        ((last,),) = connection.rows(_LAST, {})
        numbered = [(id_, event, made) for id_, (event, made) in enumerate(rows, last + 1)]
        connection.insert("search_documents", _DOCUMENT, numbered)
        entries = [(id_, made) for id_, _, made in numbered if made]
        connection.insert("search_index", _ENTRY, entries)

    def change(self, connection: DbConnection, rows: Sequence[Row]) -> None:
        keys = [(event,) for event, _ in rows]
        _UNINDEX.run(connection, keys)
        _CHANGE.run(connection, rows)
        _REINDEX.run(connection, keys)

    def remove(self, connection: DbConnection, low: int, high: int) -> None:
        bounds = {"low": low, "high": high}
        connection.execute(_REMOVE_FROM_INDEX, bounds)
        connection.execute(_REMOVE, bounds)

    def find(
        self, connection: DbConnection, phrases: Phrases, scope: Scope, *, before: int, limit: int
    ) -> list[EventId]:
        query = {"query": _match(phrases, scope), "before": before, "limit": limit}
        return [EventId(event) for (event,) in connection.execute(_FIND, query)]

    def different(self, connection: DbConnection, rows: Sequence[Row]) -> list[EventId]:
        return [event for (event,) in _DIFFERENT.rows(connection, rows)]


def _match(phrases: Phrases, scope: Scope) -> str:
    """The query for FTS5. Every word is quoted, so that none is taken for an operator."""
    terms = [f'"{" ".join(phrase)}"' for phrase in phrases]
    if scope.by is not None:
        terms.append(f'"{author_mark(scope.by)}"')
    terms.append(group(" OR ", '"', scope.marks))
    query = " AND ".join(terms)
    if scope.excluded:
        excluded = [room_mark(room) for room in scope.excluded]
        query = f"({query}) NOT " + group(" OR ", '"', excluded)
    return query
