"""Noting changed rows on SQLite: temporary triggers of the one connection that writes."""

from collections.abc import Sequence

import sqlalchemy as sa

from .change_capture import CAPTURED, KEY_COLUMNS, Change, ChangeCapture, distinct
from .database import DbConnection, Work

_TABLE = "move_changes"
_CREATE = (
    f"CREATE TEMP TABLE {_TABLE} (number INTEGER PRIMARY KEY, name TEXT, {', '.join(KEY_COLUMNS)})"
)
_TAKE = sa.text(
    f"SELECT number, name, {', '.join(KEY_COLUMNS)} FROM {_TABLE} ORDER BY number LIMIT :limit"
)
_FORGET = sa.text(f"DELETE FROM {_TABLE} WHERE number <= :last")


class SqliteChangeCapture(ChangeCapture):
    """Implements :class:`~app.store.change_capture.ChangeCapture`."""

    def begin(self) -> Sequence[Work[None]]:
        return [_begin]

    def take(self, connection: DbConnection, limit: int) -> list[Change]:
        rows = connection.execute(_TAKE, {"limit": limit}).all()
        if rows:
            connection.execute(_FORGET, {"last": rows[-1][0]})
        return distinct([Change(row[1], tuple(row[2 : 2 + _size(row[1])])) for row in rows])

    def end(self) -> Sequence[Work[None]]:
        return [_end]

    def is_left(self, connection: DbConnection) -> bool:
        return False

    def refuse_writes(self, connection: DbConnection) -> None:
        """Do nothing: the file has no other writer."""


def _begin(connection: DbConnection) -> None:
    _end(connection)
    connection.execute(sa.text(_CREATE))
    for name, keys in CAPTURED.items():
        for operation, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            _create_trigger(connection, name, keys, operation, row)
        other = " OR ".join(f"NEW.{key} IS NOT OLD.{key}" for key in keys)
        _create_trigger(connection, name, keys, "UPDATE", "OLD", f" WHEN {other}")


def _create_trigger(
    connection: DbConnection,
    name: str,
    keys: tuple[str, ...],
    operation: str,
    row: str,
    when: str = "",
) -> None:
    columns = ", ".join(KEY_COLUMNS[: len(keys)])
    values = ", ".join(f"{row}.{key}" for key in keys)
    connection.execute(
        sa.text(
            f"CREATE TEMP TRIGGER move_{operation}_{row}_{name} AFTER {operation} ON main.{name}"
            f"{when} BEGIN INSERT INTO {_TABLE} (name, {columns}) VALUES ('{name}', {values}); END"
        )
    )


def _end(connection: DbConnection) -> None:
    found = connection.execute(
        sa.text("SELECT name FROM temp.sqlite_master WHERE type = 'trigger' AND name GLOB :names"),
        {"names": "move_*"},
    )
    for (name,) in found.all():
        connection.execute(sa.text(f"DROP TRIGGER temp.{name}"))
    connection.execute(sa.text(f"DROP TABLE IF EXISTS temp.{_TABLE}"))


def _size(name: str) -> int:
    return len(CAPTURED[name])
