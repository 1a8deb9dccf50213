"""
What of the log is not in SQLite's search index yet.

A room's messages are indexed in their order: what comes after the last one that has a document
is still to be done. That is looked up once, after a start; from then on the committer's runs
tell.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from app.domain.ids import SEQ_BITS, EventId
from app.domain.roles import Kind
from app.store import search
from app.store.bulk import BulkStatement

Span = tuple[EventId, EventId]
"""Events of one room: the first and the last."""

# Per room the first message after the last that has a document, and the head.
_BEHIND = sa.text(
    "SELECT (SELECT e.id FROM events AS e WHERE e.type = 'message.created' AND e.id > coalesce("
    " (SELECT max(d.event_id) FROM search_documents AS d"
    " WHERE d.event_id > r.id << :bits AND d.event_id <= (r.id << :bits) + r.head),"
    " r.id << :bits) AND e.id <= (r.id << :bits) + r.head ORDER BY e.id LIMIT 1) AS low,"
    " (r.id << :bits) + r.head AS high FROM rooms AS r"
)
# The spans are few, the events many: that order. What has a document was in two spans.
_SAID = BulkStatement(
    "SELECT e.id, e.room_id, r.kind, e.by, coalesce(e.edited_text, e.text)"
    " FROM {keys} CROSS JOIN events AS e ON e.id >= k.low AND e.id <= k.high"
    " AND e.type = 'message.created' JOIN rooms AS r ON r.id = e.room_id"
    " WHERE NOT EXISTS (SELECT 1 FROM search_documents AS d WHERE d.event_id = e.id)"
    " ORDER BY k.place, e.id",
    place="bigint",
    low="bigint",
    high="bigint",
)


def find(connection: sa.Connection) -> list[Span]:
    """What is not indexed, a span a room."""
    rows = connection.execute(_BEHIND, {"bits": SEQ_BITS})
    return [(EventId(low), EventId(high)) for low, high in rows if low is not None]


def index(connection: sa.Connection, spans: Sequence[Span]) -> None:
    """Index the messages of ``spans`` in this order, as they are now. May be repeated."""
    keys = [(place, low, high) for place, (low, high) in enumerate(spans)]
    documents = {
        EventId(id_): search.document("sqlite", Kind(kind), room, by, text)
        for id_, room, kind, by, text in _SAID.rows(connection, keys)
    }
    if documents:
        search.add(connection, list(documents.items()))
