"""
The full-text index of messages: its documents, and keeping them up to date.

On PostgreSQL the committer adds new messages, in the transaction that appends them. On SQLite the
indexer does it right after the commit, many at once, and a search waits for it. Edits and
deletions change the index in their own transaction on both engines.

One document per message, numbered in the order in which they were added: newest first is then the
order of the key, and a search ends as soon as a page is full. Beside the words of the text a
document holds marks: of the room, of the author, and one for all public rooms. A search asks for
marks too, so that messages which the user may not read are never visited.

    /public /r12 /u7 shall we go          SQLite: FTS5        PostgreSQL: tsvector
"""

from collections.abc import Sequence

import sqlalchemy as sa

from ..domain.ids import EventId, RoomId, UserId
from ..domain.roles import Kind
from ..domain.words import words
from .bulk import BulkStatement
from .database import Columns, DbConnection

Row = tuple[EventId, str]
"""A message, and its document: see :func:`document`."""

PUBLIC_MARK = "/public"

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
_ADD_VECTORS = BulkStatement(
    "INSERT INTO search_documents (event_id, words)"
    " SELECT event, CAST(words AS tsvector) FROM {keys}",
    event="bigint",
    words="text",
)
_CHANGE_VECTORS = BulkStatement(
    "UPDATE search_documents SET words = CAST(k.words AS tsvector) FROM {keys}"
    " WHERE search_documents.event_id = k.event"
    " AND search_documents.words <> CAST(k.words AS tsvector)",
    event="bigint",
    words="text",
)
_REMOVE_FROM_INDEX = sa.text(
    "DELETE FROM search_index WHERE rowid IN"
    " (SELECT id FROM search_documents WHERE event_id >= :low AND event_id < :high"
    " AND words <> '')"
)
_REMOVE = sa.text("DELETE FROM search_documents WHERE event_id >= :low AND event_id < :high")


def room_mark(room: RoomId) -> str:
    """Return the word that all documents of a room hold."""
    return f"/r{room}"


def author_mark(user: UserId | None) -> str:
    """Return the word that all documents of an author hold; None: the operator's."""
    return f"/u{user or 0}"


def document(dialect: str, kind: Kind, room: RoomId, by: UserId | None, text: str | None) -> str:
    """Return a message's document, in the form of the engine; empty for a deleted message."""
    if text is None:
        return ""
    marks = [room_mark(room), author_mark(by)]
    if kind is Kind.PUBLIC:
        marks.append(PUBLIC_MARK)
    found = words(text)
    if dialect == "sqlite":
        return " ".join(marks + found)
    # The text form of a tsvector. Words hold neither quotes nor backslashes.
    quoted = [f"'{mark}'" for mark in marks]
    return " ".join(quoted + [f"'{word}':{at}" for at, word in enumerate(found, 1)])


def add(connection: DbConnection, rows: Sequence[Row]) -> None:
    """Index new messages."""
    if connection.dialect.name != "sqlite":
        _ADD_VECTORS.run(connection, rows)
        return
    ((last,),) = connection.rows(_LAST, {})
    numbered = [(id_, event, made) for id_, (event, made) in enumerate(rows, last + 1)]
    connection.insert("search_documents", _DOCUMENT, numbered)
    entries = [(id_, made) for id_, _, made in numbered if made]
    connection.insert("search_index", _ENTRY, entries)


def change(connection: DbConnection, rows: Sequence[Row]) -> None:
    """
    Give edited and deleted messages their new documents.

    Those that are not indexed yet are skipped: the indexer takes them as they are then.
    """
    if connection.dialect.name != "sqlite":
        _CHANGE_VECTORS.run(connection, rows)
        return
    keys = [(event,) for event, _ in rows]
    _UNINDEX.run(connection, keys)
    _CHANGE.run(connection, rows)
    _REINDEX.run(connection, keys)


def remove(connection: DbConnection, low: int, high: int) -> None:
    """Remove the messages from the event ``low`` to before ``high``, which are not kept."""
    bounds = {"low": low, "high": high}
    if connection.dialect.name == "sqlite":
        connection.execute(_REMOVE_FROM_INDEX, bounds)
    connection.execute(_REMOVE, bounds)
