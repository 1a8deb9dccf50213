"""
What a move writes to its target while the source is in use: pages, and rows that have changed.

Each method is the work of one transaction, in a thread of a database; the move runs one at a time.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..domain.limits import MAX_INTEGER
from . import epoch, move_search, move_state
from .change_capture import DOCUMENTS
from .database import DbConnection
from .digests import Tally
from .errors import StoreError
from .table_pages import EVENTS, OTHERS, Row, TablePages
from .tables import meta

_TABLES = {table.name: table for table in (*OTHERS, EVENTS)}
"""One that refers to another comes after it."""


class Taken(NamedTuple):
    """Rows that have changed, as they are in the source."""

    changes: int
    """How many changes were taken, those included that need not be copied."""
    keys: Mapping[str, Sequence[Row]]
    """By table."""
    rows: Mapping[str, Sequence[Any]]
    """By table. A key without a row: it was deleted."""


class LiveCopy:
    """The state of the copy: how far it is, and the digests of what was written."""

    def __init__(self) -> None:
        self.tally = Tally()
        """Digests of what the target should hold."""
        # Rows behind these are read later: their changes need not be copied.
        self._last_event = self._last_document = 0

    def clear(self, connection: DbConnection) -> None:
        """Remove from the target what is copied anew: all but the events of an earlier run."""
        move_state.clear_others(connection)
        move_search.clear(connection)
        self.tally.add(_TABLES[meta.name], [("epoch", epoch.read(connection))])

    def put(self, connection: DbConnection, table: TablePages, rows: Sequence[Row]) -> None:
        """Insert a page of any table but the events."""
        copied = [row for row in rows if move_state.is_copied(table, row)]
        table.insert(connection, copied)
        self.tally.add(table, copied)

    def put_events(self, connection: DbConnection, rows: Sequence[Row]) -> None:
        """Insert the next page of events, unless an earlier run has left it as it is."""
        low, high = self._last_event + 1, rows[-1][0] + 1
        there = EVENTS.page(connection, (low - 1,), MAX_INTEGER, before=high)
        if there != rows:
            EVENTS.clear_range(connection, low, high)
            EVENTS.insert(connection, rows)
        self.tally.add(EVENTS, rows)
        self._last_event = high - 1

    def end_events(self, connection: DbConnection) -> None:
        """Remove what an earlier run has left behind the last page."""
        EVENTS.clear_range(connection, self._last_event + 1, MAX_INTEGER)
        self._last_event = MAX_INTEGER

    def put_documents(self, connection: DbConnection, rows: Sequence[Any]) -> None:
        """Insert the next page of documents of the search index."""
        move_search.insert(connection, rows)
        self.tally.add_documents([tuple(row[:2]) for row in rows])
        self._last_document = rows[-1][0]

    def end_documents(self) -> None:
        """Note that all documents were copied."""
        self._last_document = MAX_INTEGER

    def take(self, connection: DbConnection, limit: int) -> Taken:
        """Take the oldest changes of the source, and read their rows."""
        changes = connection.change_capture.take(connection, limit)
        keys: dict[str, list[Row]] = defaultdict(list)
        for name, key in changes:
            if self._is_copied(name, key):
                keys[name].append(key)
        rows: dict[str, Sequence[Any]] = {
            name: _TABLES[name].rows(connection, some)
            for name, some in keys.items()
            if name != DOCUMENTS
        }
        rows[DOCUMENTS] = move_search.texts_of(connection, _numbers(keys))
        return Taken(len(changes), keys, rows)

    def apply(self, connection: DbConnection, taken: Taken) -> None:
        """
        Make the rows of the target those that were taken.

        Raises:
            StoreError: If they are not the same afterwards.

        """
        numbers = _numbers(taken.keys)
        self.tally.remove_documents(move_search.keys_of(connection, numbers))
        move_search.remove(connection, numbers)
        for name in reversed(_TABLES):
            if name in taken.keys:
                self._delete(connection, _TABLES[name], taken.keys[name], taken.rows[name])
        for name, table in _TABLES.items():
            if rows := taken.rows.get(name):
                table.replace(connection, rows)
                self.tally.add(table, rows)
        documents = taken.rows[DOCUMENTS]
        if documents:
            move_search.insert(connection, documents)
            self.tally.add_documents([tuple(row[:2]) for row in documents])
        for name in taken.keys:
            if name != DOCUMENTS:
                there = _TABLES[name].rows(connection, taken.keys[name])
                if sorted(there, key=repr) != sorted(taken.rows[name], key=repr):
                    raise StoreError(f"A row of the table {name} is not what was written.")

    def _delete(
        self, connection: DbConnection, table: TablePages, keys: Sequence[Row], rows: Sequence[Row]
    ) -> None:
        """Delete the rows that there are no longer, and count none of the old ones any more."""
        kept = {table.key(row) for row in rows}
        self.tally.remove(table, table.rows(connection, keys))
        table.delete(connection, [key for key in keys if key not in kept])

    def _is_copied(self, name: str, key: Row) -> bool:
        if name == EVENTS.name:
            return bool(key[0] <= self._last_event)
        if name == DOCUMENTS:
            return bool(key[0] <= self._last_document)
        return name in _TABLES and move_state.is_moved(_TABLES[name], key)


def _numbers(keys: Mapping[str, Sequence[Row]]) -> list[int]:
    return [number for (number,) in keys.get(DOCUMENTS, ())]
