"""
Counts and digests of everything that is stored, by which two databases are compared.

The same on both engines, and whatever the order of the rows: a digest is the sum of their hashes.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
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
from .tables import meta

_DOCUMENTS = sa.text(
    "SELECT id, event_id FROM search_documents WHERE id > :after ORDER BY id LIMIT :limit"
)
_COUNT_EVENTS = sa.text("SELECT id >> :bits AS room, count(*) FROM events GROUP BY 1")
_COUNT_DOCUMENTS = sa.text("SELECT count(*) FROM search_documents")
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


class Tally:
    """Digests that are kept up to date with the rows that are added and removed."""

    def __init__(self) -> None:
        self.parts: Digests = {}

    def add(self, table: TablePages, rows: Sequence[Row]) -> None:
        """Count rows of a table; those that are not moved are left out."""
        self._count(partial(_part, table), rows, 1)

    def remove(self, table: TablePages, rows: Sequence[Row]) -> None:
        """Count rows no longer that were added before."""
        self._count(partial(_part, table), rows, -1)

    def add_documents(self, rows: Sequence[Row]) -> None:
        """Count documents of the search index: number and event."""
        self._count(lambda _: DOCUMENTS, rows, 1)

    def remove_documents(self, rows: Sequence[Row]) -> None:
        """Count documents no longer that were added before."""
        self._count(lambda _: DOCUMENTS, rows, -1)

    def _count(self, part_of: Callable[[Row], Part | None], rows: Sequence[Row], by: int) -> None:
        for part, some in groupby(rows, part_of):
            if part is not None:
                counted = _add(self.parts.pop(part, Digest(0, 0)), list(some), by)
                if counted.rows:
                    self.parts[part] = counted


def digests(
    connection: DbConnection, page_rows: int, pause: Callable[[], None] = lambda: None
) -> Digests:
    """
    Read everything, and return the digest of each part that has rows.

    Of the search index it covers which messages are in it, and in which order: its words are
    different on each engine.

    Args:
        pause: Called after each page, in the thread of the database.

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
            pause()
    last = 0
    while page := [tuple(row) for row in _documents(connection, last, page_rows)]:
        last = page[-1][0]
        found[DOCUMENTS] = _add(found[DOCUMENTS], page)
        pause()
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


def counts(connection: DbConnection) -> Mapping[Part, int]:
    """Return how many rows each part has that has rows: of the events in each room, of others."""
    rooms = connection.execute(_COUNT_EVENTS, {"bits": SEQ_BITS})
    found = {Part(EVENTS.name, room): number for room, number in rooms}
    for table in OTHERS:
        if table.table is not meta:
            query = sa.select(sa.func.count()).select_from(table.table)
            found[Part(table.name)] = connection.execute(query).scalar_one()
    found[DOCUMENTS] = connection.execute(_COUNT_DOCUMENTS).scalar_one()
    return found


def _add(before: Digest, rows: list[Row], by: int = 1) -> Digest:
    total = before.total
    for row in rows:
        text = orjson.dumps(row, default=bytes.hex)
        total += by * int.from_bytes(blake2b(text, digest_size=_BYTES).digest())
    return Digest(before.rows + by * len(rows), total & _MASK)
