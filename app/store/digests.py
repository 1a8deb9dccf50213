"""
Counts and digests of everything that is stored, by which two databases are compared.

The same on both engines, and whatever the order of the rows: a digest is the sum of their hashes.
"""

from collections import defaultdict
from functools import partial
from hashlib import blake2b
from itertools import groupby
from typing import NamedTuple

import orjson
import sqlalchemy as sa

from ..domain.ids import SEQ_BITS
from .database import DbConnection
from .move_state import is_moved
from .table_pages import EVENTS, OTHERS, Row, TablePages

_DOCUMENTS = sa.text(
    "SELECT id, event_id FROM search_documents WHERE id > :after ORDER BY id LIMIT :limit"
)
_BYTES, _MASK = 8, 2**64 - 1


class Part(NamedTuple):
    """What has a digest of its own: a table, and of the events each room."""

    table: str
    room: int = 0

    def __str__(self) -> str:
        return f"room {self.room}" if self.room else f"the table {self.table}"


class Digest(NamedTuple):
    """How many rows a part has, and the sum of their hashes."""

    rows: int
    total: int


Digests = dict[Part, Digest]

DOCUMENTS = Part("search_documents")


def digests(connection: DbConnection, page_rows: int) -> Digests:
    """
    Read everything, and return the digest of each part that has rows.

    Of the search index it covers which messages are in it, and in which order: its words are
    different on each engine.

    Raises:
        Damaged: If an event is not what was written.

    """
    found: dict[Part, Digest] = defaultdict(lambda: Digest(0, 0))
    for table in (EVENTS, *OTHERS):
        after = None
        while page := table.page(connection, after, page_rows):
            after = table.key(page[-1])
            for part, rows in groupby(page, partial(_part, table)):
                if part is not None:
                    found[part] = _add(found[part], list(rows))
    last = 0
    while page := [tuple(row) for row in _documents(connection, last, page_rows)]:
        last = page[-1][0]
        found[DOCUMENTS] = _add(found[DOCUMENTS], page)
    return dict(found)


def differing(one: Digests, other: Digests) -> list[Part]:
    """Return the parts in which two databases differ, in order."""
    return sorted(part for part in one.keys() | other.keys() if one.get(part) != other.get(part))


def _part(table: TablePages, row: Row) -> Part | None:
    """The part that a row belongs to; None if it is not moved."""
    if table is EVENTS:
        return Part(table.name, row[0] >> SEQ_BITS)
    return Part(table.name) if is_moved(table, row) else None


def _documents(connection: DbConnection, after: int, limit: int) -> sa.CursorResult[int, int]:
    return connection.execute(_DOCUMENTS, {"after": after, "limit": limit})


def _add(before: Digest, rows: list[Row]) -> Digest:
    total = before.total
    for row in rows:
        text = orjson.dumps(row, default=bytes.hex)
        total += int.from_bytes(blake2b(text, digest_size=_BYTES).digest())
    return Digest(before.rows + len(rows), total & _MASK)
