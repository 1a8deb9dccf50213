"""
The messages that are not in SQLite's search index yet.

A room's messages are indexed in their order, so all after the last one that has a document are
missing. That is looked up once, after a start; from then on the indexer hears of each commit.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import groupby
from operator import itemgetter

import sqlalchemy as sa

from ..domain.ids import SEQ_BITS, EventId
from ..domain.limits import MAX_UNINDEXED_RANGES
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
_TIMES = BulkStatement(
    "SELECT e.id, e.at, e.room_id FROM {keys} CROSS JOIN events AS e"
    " ON e.id >= k.low AND e.id <= k.high AND e.type = 'message.created'"
    " ORDER BY e.id LIMIT :limit",
    low="bigint",
    high="bigint",
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


def find(connection: DbConnection, *, max_spans: int = MAX_UNINDEXED_RANGES) -> list[Span]:
    """
    Return what is not indexed, in the order in which it was written.

    With more than ``max_spans`` messages: a span per room. Then a search of several rooms finds
    these messages room by room.
    """
    rows = connection.execute(_MISSING, {"bits": SEQ_BITS})
    spans = [(EventId(low), EventId(high)) for low, high in rows if low is not None]
    if len(spans) < 2:
        return spans
    found = _TIMES.rows(connection, spans, limit=max_spans + 1)
    return spans if len(found) > max_spans else _in_order(found)


def batches(spans: Iterable[Span], events: int) -> Iterator[list[Span]]:
    """Cut and gather spans, in their order, into batches of at most so many events."""
    batch: list[Span] = []
    remaining = events
    for low, high in spans:
        while low <= high:
            last = EventId(min(high, low + remaining - 1))
            batch.append((low, last))
            remaining -= last + 1 - low
            low = EventId(last + 1)
            if not remaining:
                yield batch
                batch, remaining = [], events
    if batch:
        yield batch


def _in_order(found: Sequence[tuple[EventId, int, int]]) -> list[Span]:
    """Merge the rooms by time. Each keeps its order, even if the clock was set back."""
    of_room = itemgetter(2)
    rooms = [list(rows) for _, rows in groupby(found, of_room)]
    runs = [list(rows) for _, rows in groupby(merge(*rooms, key=itemgetter(1)), of_room)]
    return [(run[0][0], run[-1][0]) for run in runs]


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
