"""
Rebuilding the search index, after an upgrade that makes the words of a text differently.

The documents are rewritten in place, oldest first, a batch per transaction, while the server runs.
Until that ends a search finds an old message by words that are the same as before.

The row ``search_words`` in ``meta`` says how far: the version of the words, and, while documents
of an earlier version remain, the last document rewritten.

    1  an index of version 1        2:1800  in progress        2  complete
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ..domain.ids import SEQ_BITS, EventId
from ..domain.roles import Kind
from ..domain.words import WORDS_VERSION
from .bulk import BulkStatement
from .database import DbConnection
from .search_index import Row, SearchIndex

_STATE = sa.text("SELECT value FROM meta WHERE key = 'search_words'")
_LOCK = "SELECT 1 FROM meta WHERE key = 'search_words' FOR NO KEY UPDATE"
_SET_STATE = sa.text("UPDATE meta SET value = :value WHERE key = 'search_words'")
_NEXT = sa.text(
    "SELECT id, event_id FROM search_documents WHERE id > :after ORDER BY id LIMIT :limit"
)
# Taken like the committer's, so that no edit comes between reading a text and indexing it.
_LOCK_ROOMS = BulkStatement(
    "SELECT rooms.id FROM {keys} JOIN rooms ON rooms.id = k.id"
    " ORDER BY rooms.id FOR NO KEY UPDATE OF rooms",
    id="bigint",
)
_TEXTS = sa.text(
    "SELECT e.id, e.room_id, r.kind, e.by, coalesce(e.edited_text, e.text), d.words"
    " FROM search_documents AS d JOIN events AS e ON e.id = d.event_id"
    " JOIN rooms AS r ON r.id = e.room_id WHERE d.id > :after AND d.id <= :last"
)


def is_complete(connection: DbConnection) -> bool:
    """Whether all documents have the words of this version."""
    return _state(connection) == str(WORDS_VERSION)


def advance(connection: DbConnection, limit: int) -> bool:
    """
    Rewrite at most ``limit`` more documents; return whether the index is complete now.

    Idempotent; nodes that do it at the same time share the work.
    """
    if not connection.is_only_writer:
        # As whoever indexes new messages: in the same order, so that the two can't deadlock.
        connection.rows(_LOCK, {})
    if is_complete(connection):
        return True
    after = _rewritten_up_to(connection)
    found = connection.execute(_NEXT, {"after": after, "limit": limit}).all()
    if not found:
        connection.execute(_SET_STATE, {"value": str(WORDS_VERSION)})
        return True
    last = found[-1].id
    if not connection.is_only_writer:
        rooms = sorted({event >> SEQ_BITS for _, event in found})
        _LOCK_ROOMS.rows(connection, [(room,) for room in rooms])
    rows = connection.execute(_TEXTS, {"after": after, "last": last}).all()
    changed = _changed(connection.search_index, rows)
    if changed:
        connection.search_index.change(connection, changed)
    connection.execute(_SET_STATE, {"value": f"{WORDS_VERSION}:{last}"})
    return False


def _state(connection: DbConnection) -> str:
    return str(connection.execute(_STATE).scalar_one())


def _rewritten_up_to(connection: DbConnection) -> int:
    version, _, last = _state(connection).partition(":")
    return int(last or 0) if version == str(WORDS_VERSION) else 0


def _changed(index: SearchIndex, rows: Sequence[Any]) -> list[Row]:
    """The documents that may differ from those stored."""
    made = [
        (EventId(event), index.document(Kind(kind), room, by, text), words)
        for event, room, kind, by, text, words in rows
    ]
    return [(event, new) for event, new, old in made if new != old]
