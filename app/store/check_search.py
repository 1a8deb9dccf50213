"""
The search index in ``parley check``: that it has the words of each message, and no others.

A part of it is compared in Python, which alone knows how words are made, in pages by key.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from ..domain.ids import SEQ_BITS, EventId
from ..domain.roles import Kind
from . import search_rebuild
from .check_rules import Rule, at
from .database import DbConnection

_PAGE = 1_000

_DOCUMENTS = sa.text(
    "SELECT d.id, d.event_id, e.room_id, r.kind, e.by, coalesce(e.edited_text, e.text)"
    " FROM search_documents AS d JOIN events AS e ON e.id = d.event_id"
    " JOIN rooms AS r ON r.id = e.room_id WHERE d.id > :after ORDER BY d.id LIMIT :limit"
)
_DOCUMENT_RULES = (
    Rule(
        "room {room}, event {seq}: is no message, but the search index has words of it",
        f"SELECT {at('d.event_id')} FROM search_documents AS d LEFT JOIN events AS e"
        " ON e.id = d.event_id AND e.type = 'message.created' WHERE e.id IS NULL",
    ),
    Rule(
        "room {room}, message {seq}: is deleted, but the search index has words of it",
        f"SELECT {at('d.event_id')} FROM search_documents AS d JOIN events AS e"
        " ON e.id = d.event_id WHERE e.deleted_at IS NOT NULL"
        " AND length(CAST(d.words AS text)) > 0",
    ),
)
# The newest messages of a room may not be indexed yet.
_MISSING = (
    f"SELECT {at('e.id')} FROM events AS e"
    " WHERE e.type = 'message.created' AND e.deleted_at IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM search_documents AS d WHERE d.event_id = e.id)"
    " AND EXISTS (SELECT 1 FROM search_documents AS d"
    " WHERE d.event_id > e.id AND d.event_id < ((e.room_id + 1) << 32)) AND NOT "
)
# The words in the index itself, in the order of the text.
_INSTANCES = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.search_words"
    " USING fts5vocab(main, search_index, instance)"
)
# Each document is looked up by its key: the other way round, SQLite searches all of the words for
# each of them.
_OTHER_WORDS = (
    f"SELECT {at('d.event_id')} FROM"
    " (SELECT doc, group_concat(term, ' ') AS words FROM"
    "  (SELECT doc, term FROM temp.search_words ORDER BY doc, offset) GROUP BY doc) AS i"
    " CROSS JOIN search_documents AS d ON d.id = i.doc WHERE i.words <> d.words"
    f" UNION ALL SELECT {at('d.event_id')} FROM search_documents AS d"
    " WHERE d.words <> '' AND d.id NOT IN (SELECT doc FROM temp.search_words)"
)
_INDEX_RULES = (
    Rule(
        "document {doc}: the search index has words of it, but there is no such document",
        # A document is looked up once, not once for each of its words.
        "SELECT doc FROM (SELECT DISTINCT doc FROM temp.search_words)"
        " WHERE doc NOT IN (SELECT id FROM search_documents)",
    ),
    Rule(
        "room {room}, message {seq}: the words in the search index are not those of the message",
        _OTHER_WORDS,
    ),
)


def search_rules(connection: DbConnection) -> Sequence[Rule]:
    """Return the rules that are queries."""
    index = connection.search_index
    missing = Rule(
        "room {room}, message {seq}: is not in the search index", _MISSING + index.is_pending
    )
    if not index.has_entries:
        return (*_DOCUMENT_RULES, missing)
    _create_instances(connection)
    return (*_DOCUMENT_RULES, missing, *_INDEX_RULES)


def _create_instances(connection: DbConnection) -> None:
    """Name the index for queries, until the transaction ends. Nothing is written to the file."""
    ((query_only,),) = connection.rows("PRAGMA query_only", {})
    connection.run("PRAGMA query_only=OFF", {})
    connection.run(_INSTANCES, {})
    connection.run(f"PRAGMA query_only={query_only}", {})


def wrong_documents(connection: DbConnection) -> Iterator[str]:
    """A sentence for each document that is not of the present text of its message."""
    if not search_rebuild.is_complete(connection):
        return
    index = connection.search_index
    after = 0
    while rows := _page(connection, after):
        expected = [
            (EventId(event), index.document(Kind(kind), room, by, text))
            for _, event, room, kind, by, text in rows
        ]
        for event in index.different(connection, expected):
            room, seq = event >> SEQ_BITS, event & (1 << SEQ_BITS) - 1
            yield f"room {room}, message {seq}: the search index has other words than its text"
        after = rows[-1][0]


def _page(connection: DbConnection, after: int) -> Sequence[Any]:
    return connection.execute(_DOCUMENTS, {"after": after, "limit": _PAGE}).all()
