"""
Reading any table page by page, in the order of its key, and writing such pages elsewhere.

A row is a tuple with the same values on both engines, so that it can be written to either.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from ..domain.ids import SEQ_BITS
from . import event_checksum
from .database import DbConnection
from .errors import StoreError
from .node_tables import NODE_TABLES
from .tables import events, metadata

Row = tuple[Any, ...]


class TablePages:
    """The pages of one table. An event's checksum is no part of its row: it is made anew."""

    def __init__(self, table: sa.Table) -> None:
        self.table = table
        self.name = table.name
        self.columns = tuple(column.name for column in table.columns if column.name != "checksum")
        self._key = tuple(table.primary_key)
        self.key_columns = tuple(column.name for column in self._key)
        self._key_at = [self.columns.index(column.name) for column in self._key]

    def key(self, row: Row) -> Row:
        """Return the key of a row, after which the next page begins."""
        return tuple(row[at] for at in self._key_at)

    def page(
        self, connection: DbConnection, after: Row | None, limit: int, before: int | None = None
    ) -> Sequence[Row]:
        """
        Return up to ``limit`` rows in the order of the key; none at the end.

        Args:
            after: The key of the row before them; None: from the beginning.
            before: Leave out rows from this value of the key's first column on.

        Raises:
            Damaged: If an event is not what was written.

        """
        query = self._select(connection).order_by(*self._key).limit(limit)
        if after is not None:
            query = query.where(sa.tuple_(*self._key) > after)
        if before is not None:
            query = query.where(self._key[0] < before)
        return [tuple(row) for row in connection.execute(query)]

    def insert(self, connection: DbConnection, rows: Sequence[Row]) -> None:
        """
        Insert rows as :meth:`page` returns them, with new checksums where there are any.

        Raises:
            StoreError: If PostgreSQL refuses a NUL character, which SQLite can hold.

        """
        columns, rows = self._stored(connection, rows)
        with self._naming_nul(connection, rows):
            connection.copy_in(self.name, columns, rows)

    def rows(self, connection: DbConnection, keys: Sequence[Row]) -> Sequence[Row]:
        """
        Return the rows with these keys, in any order; those that there are not are left out.

        Raises:
            Damaged: If an event is not what was written.

        """
        if not keys:
            return []
        if len(self._key) == 1:
            is_one = self._key[0].in_([value for (value,) in keys])
        else:
            is_one = sa.tuple_(*self._key).in_(keys)
        return [tuple(row) for row in connection.execute(self._select(connection).where(is_one))]

    def replace(self, connection: DbConnection, rows: Sequence[Row]) -> None:
        """Insert rows as :meth:`page` returns them, over those with the same keys."""
        if rows:
            columns, rows = self._stored(connection, rows)
            others = [name for name in columns if name not in self.key_columns]
            names = ", ".join(f'"{name}"' for name in columns)
            values = ", ".join(f":{name}" for name in columns)
            keys = ", ".join(f'"{name}"' for name in self.key_columns)
            new = ", ".join(f'"{name}" = excluded."{name}"' for name in others)
            statement = sa.text(
                f"INSERT INTO {self.name} ({names}) VALUES ({values}) ON CONFLICT ({keys})"
                f" DO {f'UPDATE SET {new}' if others else 'NOTHING'}"
            )
            with self._naming_nul(connection, rows):
                connection.execute(
                    statement, [dict(zip(columns, row, strict=True)) for row in rows]
                )

    def delete(self, connection: DbConnection, keys: Sequence[Row]) -> None:
        """Delete the rows with these keys."""
        if keys:
            where = " AND ".join(f'"{name}" = :{name}' for name in self.key_columns)
            connection.execute(
                sa.text(f"DELETE FROM {self.name} WHERE {where}"),
                [dict(zip(self.key_columns, key, strict=True)) for key in keys],
            )

    def last(self, connection: DbConnection) -> Row | None:
        """Return the highest key; None if there are no rows."""
        query = sa.select(*self._key).order_by(*(column.desc() for column in self._key)).limit(1)
        row = connection.execute(query).first()
        return None if row is None else tuple(row)

    def clear(self, connection: DbConnection) -> None:
        """Delete all rows."""
        connection.execute(self.table.delete())

    def clear_range(self, connection: DbConnection, low: int, high: int) -> None:
        """Delete the rows whose key begins with a number from ``low`` to before ``high``."""
        first = self._key[0]
        connection.execute(self.table.delete().where(first >= low, first < high))

    def _stored(
        self, connection: DbConnection, rows: Sequence[Row]
    ) -> tuple[tuple[str, ...], Sequence[Row]]:
        """The columns and the rows as they are stored, with checksums where there are any."""
        if self.table is events and connection.has_checksums:
            made = [(*row, event_checksum.checksum(row)) for row in rows]
            return (*self.columns, "checksum"), made
        return self.columns, rows

    @contextmanager
    def _naming_nul(self, connection: DbConnection, rows: Sequence[Row]) -> Iterator[None]:
        """Say which row PostgreSQL refuses because of a NUL character."""
        try:
            yield
        except Exception as exc:
            # Looked for afterwards: requests with one are refused, so that there is hardly any.
            if not connection.is_file and (found := self._nul(rows)) is not None:
                raise StoreError(
                    f"{found} has a NUL character, which PostgreSQL can't store. Delete it, or "
                    "the character, and run the move again."
                ) from exc
            raise

    def _nul(self, rows: Sequence[Row]) -> str | None:
        """Return where the first NUL character is, as the beginning of a sentence."""
        for row in rows:
            for name, value in zip(self.columns, row, strict=False):
                if isinstance(value, str) and "\0" in value:
                    key = self.key(row)
                    at = ", ".join(map(str, key))
                    if self.table is events:
                        at = (
                            f"{at} (room {key[0] >> SEQ_BITS}, seq {key[0] & (1 << SEQ_BITS) - 1})"
                        )
                    return f"The column {name} of the row {at} of the table {self.name}"
        return None

    def _select(self, connection: DbConnection) -> sa.Select[*tuple[Any, ...]]:
        shown: list[sa.ColumnElement[Any]] = [self.table.c[name] for name in self.columns]
        if self.table is events and connection.has_checksums:
            verified = event_checksum.verifying("{events.id}")
            shown[0] = sa.literal_column(verified, sa.BigInteger).label("id")
        return sa.select(*shown).select_from(self.table)


EVENTS = TablePages(events)
OTHERS = tuple(
    TablePages(table) for table in metadata.sorted_tables if table not in (events, *NODE_TABLES)
)
"""All tables of value but the events; one that refers to another comes after it."""
