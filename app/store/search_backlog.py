"""
The messages that are not in SQLite's search index yet.

A room's messages are indexed in their order, so all after the last one that has a document are
missing. That is looked up once, after a start; from then on the indexer hears of each commit.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from ..domain.ids import SEQ_BITS, EventId
from ..domain.roles import Kind
from .bulk import BulkStatement
from .database import DbConnection
from .search_index import Span

# Per room the first message after the last one that has a document, and the head.
_MISSING = sa.text(
    "SELECT (SELECT e.id FROM events AS e WHERE e.type = 'message.created' AND e.id > coalesce("
    " (SELECT max(d.event_id) FROM search_documents AS d"
    " WHERE d.event_id > r.id << :bits AND d.event_id <= (r.id << :bits) + r.head),"
    " r.id << :bits) AND e.id <= (r.id << :bits) + r.head ORDER BY e.id LIMIT 1) AS low,"
    " (r.id << :bits) + r.head AS high FROM rooms AS r"
)
# CROSS JOIN keeps this order: the spans are few and the events many. Spans may overlap.
_MESSAGES = BulkStatement(
    "SELECT e.id, e.room_id, r.kind, e.by, coalesce(e.edited_text, e.text)"
    " FROM {keys} CROSS JOIN events AS e ON e.id >= k.low AND e.id <= k.high"
    " AND e.type = 'message.created' JOIN rooms AS r ON r.id = e.room_id"
    " WHERE NOT EXISTS (SELECT 1 FROM search_documents AS d WHERE d.event_id = e.id)"
    " ORDER BY k.place, e.id",
    place="bigint",
    low="bigint",
    high="bigint",
)


def find(connection: DbConnection) -> list[Span]:
    """Return what is not indexed: at most one span per room."""
    rows = connection.execute(_MISSING, {"bits": SEQ_BITS})
    return [(EventId(low), EventId(high)) for low, high in rows if low is not None]


def index(connection: DbConnection, spans: Sequence[Span]) -> None:
    """Index the messages of ``spans`` in this order, with their present text. Idempotent."""
    keys = [(place, low, high) for place, (low, high) in enumerate(spans)]
    search = connection.search_index
    documents = {
        EventId(id_): search.document(Kind(kind), room, by, text)
        for id_, room, kind, by, text in _MESSAGES.rows(connection, keys)
    }
    if documents:
        search.add(connection, list(documents.items()))
