"""
The messages that are not in PostgreSQL's search index yet: a table that all nodes share.

A row is a span of events of one room. The committer inserts it with the events; any node indexes
them afterwards, one node at a time. An edit or a deletion inserts a row if its message has no
document yet, because the indexer may have read the former text. Retention does if the indexer may
be making documents of what is removed. Such a row becomes visible with the change itself, so that
the next pass corrects what the one before it has read too early.
"""

from collections.abc import Sequence
from typing import Any

from ..domain.ids import EventId
from ..domain.roles import Kind
from .bulk import BulkStatement
from .database import DbConnection
from .search_index import Span

_ADD = BulkStatement(
    "INSERT INTO search_pending (low, high) SELECT low, high FROM {keys}",
    low="bigint",
    high="bigint",
)
_ADD_WITHOUT_DOCUMENT = BulkStatement(
    "INSERT INTO search_pending (low, high) SELECT event, event FROM {keys}"
    " WHERE NOT EXISTS (SELECT 1 FROM search_documents AS d WHERE d.event_id = k.event)",
    event="bigint",
)
_ADD_BEING_INDEXED = (
    "INSERT INTO search_pending (low, high) SELECT CAST(:low AS bigint), CAST(:high AS bigint)"
    " WHERE EXISTS (SELECT 1 FROM search_pending"
    " WHERE low <= CAST(:high AS bigint) AND high >= CAST(:low AS bigint))"
)
_ANY = "SELECT 1 FROM search_pending LIMIT 1"

# Held by the node that indexes: then documents are in the order of the messages.
_LOCK = "SELECT 1 FROM meta WHERE key = 'search_words' FOR NO KEY UPDATE"
_SPANS = "SELECT id, low, high FROM search_pending ORDER BY id LIMIT :limit"
_MESSAGES = BulkStatement(
    "SELECT e.id, e.room_id, r.kind, e.by, coalesce(e.edited_text, e.text), d.event_id IS NOT NULL"
    " FROM {keys} CROSS JOIN LATERAL (SELECT * FROM events WHERE id >= k.low AND id <= k.high"
    " AND type = 'message.created' ORDER BY id) AS e JOIN rooms AS r ON r.id = e.room_id"
    " LEFT JOIN search_documents AS d ON d.event_id = e.id ORDER BY k.place, e.id",
    place="bigint",
    low="bigint",
    high="bigint",
)
# The texts are read by a statement of its own, after the lock: an edit that had it has ended.
_LOCK_DOCUMENTS = BulkStatement(
    "SELECT d.event_id FROM {keys} JOIN search_documents AS d ON d.event_id = k.event"
    " ORDER BY d.event_id FOR UPDATE OF d SKIP LOCKED",
    event="bigint",
)
_REMOVE_GONE = BulkStatement(
    "DELETE FROM search_documents AS d USING {keys} WHERE d.event_id >= k.low"
    " AND d.event_id <= k.high AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.id = d.event_id)",
    low="bigint",
    high="bigint",
)
_DONE = BulkStatement(
    "DELETE FROM search_pending USING {keys} WHERE search_pending.id = k.id", id="bigint"
)


def add(connection: DbConnection, spans: Sequence[Span]) -> None:
    """Note new messages, in the transaction that appends them."""
    _ADD.run(connection, spans)


def add_without_document(connection: DbConnection, messages: Sequence[EventId]) -> None:
    """Note those of the changed ``messages`` that may be indexed now, by their former text."""
    _ADD_WITHOUT_DOCUMENT.run(connection, [(event,) for event in messages])


def add_being_indexed(connection: DbConnection, low: int, high: int) -> None:
    """Note a span of events that is removed, if it may be indexed now."""
    connection.run(_ADD_BEING_INDEXED, {"low": low, "high": high})


def is_empty(connection: DbConnection) -> bool:
    """Whether all messages are indexed."""
    return not connection.rows(_ANY, {})


def index_next(connection: DbConnection, events: int, *, wait: bool) -> bool:
    """
    Index the next messages, with their present text; return whether there are more.

    Args:
        events: How many, about: at least one span.
        wait: Whether to wait for another node that indexes. If not, and there is one, do nothing.

    """
    lock = connection.rows(_LOCK + ("" if wait else " SKIP LOCKED"), {})
    rows = connection.rows(_SPANS, {"limit": events})
    if not lock:
        return False
    taken = _first(rows, events)
    if not taken:
        return False
    spans = [(low, high) for _, low, high in taken]
    has_document = _add_missing(connection, spans)
    skipped = _correct(connection, has_document)
    _REMOVE_GONE.run(connection, spans)
    done = [
        (id_,) for id_, low, high in taken if not any(low <= event <= high for event in skipped)
    ]
    _DONE.run(connection, done)
    return len(taken) < len(rows) or len(rows) == events


def _first(rows: Sequence[Any], events: int) -> Sequence[Any]:
    """The first spans that have so many events, or more."""
    count = 0
    for number, (_, low, high) in enumerate(rows, 1):
        count += high + 1 - low
        if count >= events:
            return rows[:number]
    return rows


def _messages(connection: DbConnection, spans: Sequence[Span]) -> Sequence[Any]:
    keys = [(place, low, high) for place, (low, high) in enumerate(spans)]
    return _MESSAGES.rows(connection, keys)


def _add_missing(connection: DbConnection, spans: Sequence[Span]) -> list[EventId]:
    """Add a document for each message without one; return the messages that have one already."""
    index = connection.search_index
    documents: dict[EventId, str] = {}
    others = []
    for id_, room, kind, by, text, has_document in _messages(connection, spans):
        if has_document:
            others.append(id_)
        else:
            documents[id_] = index.document(Kind(kind), room, by, text)
    if documents:
        index.add(connection, list(documents.items()))
    return others


def _correct(connection: DbConnection, messages: Sequence[EventId]) -> set[EventId]:
    """Give ``messages`` the documents of their present texts; return those that are locked."""
    if not messages:
        return set()
    locked = _LOCK_DOCUMENTS.rows(connection, [(event,) for event in messages])
    free = [event for (event,) in locked]
    index = connection.search_index
    rows = _messages(connection, [(event, event) for event in free]) if free else ()
    documents = [
        (id_, index.document(Kind(kind), room, by, text)) for id_, room, kind, by, text, _ in rows
    ]
    if documents:
        index.change(connection, documents)
    return set(messages).difference(free)
