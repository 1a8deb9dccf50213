"""Noting changed rows on PostgreSQL: triggers of the database, which note those of all nodes."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from .change_capture import CAPTURED, DOCUMENTS, KEY_COLUMNS, Change, ChangeCapture, distinct
from .database import DbConnection, Work
from .tables import metadata

_TABLE = "move_changes"
_CREATE = sa.text(
    f"CREATE TABLE {_TABLE} (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    f" name text NOT NULL, {', '.join(f'{column} text' for column in KEY_COLUMNS)})"
)
_DROP = sa.text(f"DROP TABLE IF EXISTS {_TABLE}")
_TAKE = sa.text(
    f"DELETE FROM {_TABLE} WHERE number IN"
    f" (SELECT number FROM {_TABLE} ORDER BY number LIMIT :limit)"
    f" RETURNING number, name, {', '.join(KEY_COLUMNS)}"
)
_IS_THERE = sa.text(f"SELECT to_regclass('{_TABLE}') IS NOT NULL")
# How long a table's lock is waited for: until then its other writers wait behind.
_LOCK_TIMEOUT = sa.text("SET LOCAL lock_timeout = '2s'")
_MOVED = sa.text("SELECT 1 FROM meta WHERE key = 'moved'")


class PostgresChangeCapture(ChangeCapture):
    """Implements :class:`~app.store.change_capture.ChangeCapture`."""

    def begin(self) -> Sequence[Work[None]]:
        create = [partial(_install, name=name) for name in CAPTURED]
        return [*self.end(), _create, *create]

    def take(self, connection: DbConnection, limit: int) -> list[Change]:
        rows = sorted(connection.execute(_TAKE, {"limit": limit}).all())
        return distinct([Change(row[1], _decoded(row[1], row[2:])) for row in rows])

    def end(self) -> Sequence[Work[None]]:
        return [*(partial(_remove, name=name) for name in CAPTURED), _drop]

    def is_left(self, connection: DbConnection) -> bool:
        return bool(connection.execute(_IS_THERE).scalar_one())

    def refuse_writes(self, connection: DbConnection) -> None:
        for name in CAPTURED:
            # Its row `moved` may be written again.
            if name != "meta":
                # What a server says that is shutting down: to nodes it is unavailable.
                _replace(
                    connection,
                    name,
                    "RAISE EXCEPTION 'This database was moved' USING ERRCODE = '57P03'",
                )


def _install(connection: DbConnection, name: str) -> None:
    keys = CAPTURED[name]
    columns = ", ".join(KEY_COLUMNS[: len(keys)])

    def note(row: str) -> str:
        values = ", ".join(f"CAST({row}.{key} AS text)" for key in keys)
        return f"INSERT INTO {_TABLE} (name, {columns}) VALUES ('{name}', {values});"

    is_other = " OR ".join(f"NEW.{key} IS DISTINCT FROM OLD.{key}" for key in keys)
    connection.execute(_LOCK_TIMEOUT)
    _replace(
        connection,
        name,
        f"IF TG_OP = 'DELETE' THEN {note('OLD')} ELSIF TG_OP = 'UPDATE' THEN"
        f" IF {is_other} THEN {note('OLD')} END IF; END IF;"
        f" IF TG_OP <> 'DELETE' THEN {note('NEW')} END IF; RETURN NULL",
    )
    connection.execute(
        sa.text(
            f"CREATE TRIGGER note_move AFTER INSERT OR UPDATE OR DELETE ON {name}"
            f" FOR EACH ROW EXECUTE FUNCTION note_move_of_{name}()"
        )
    )


def _replace(connection: DbConnection, name: str, body: str) -> None:
    connection.execute(
        sa.text(
            f"CREATE OR REPLACE FUNCTION note_move_of_{name}() RETURNS trigger LANGUAGE plpgsql"
            f" AS $$ BEGIN {body}; END $$"
        )
    )


def _remove(connection: DbConnection, name: str) -> None:
    if connection.execute(_MOVED).first() is None:
        connection.execute(_LOCK_TIMEOUT)
        connection.execute(sa.text(f"DROP FUNCTION IF EXISTS note_move_of_{name} CASCADE"))


def _create(connection: DbConnection) -> None:
    connection.execute(_CREATE)


def _drop(connection: DbConnection) -> None:
    if connection.execute(_MOVED).first() is None:
        connection.execute(_DROP)


def _decoded(name: str, values: Sequence[str]) -> tuple[Any, ...]:
    """The values of a key, as they are in its row."""
    return tuple(decode(value) for decode, value in zip(_DECODERS[name], values, strict=False))


def _decoder(column: "sa.Column[Any]") -> Callable[[str], Any]:
    if column.type.python_type is bytes:
        return lambda value: bytes.fromhex(value[2:])  # \x00ff
    return column.type.python_type


_DECODERS: dict[str, list[Callable[[str], Any]]] = {
    name: [int] if name == DOCUMENTS else [_decoder(metadata.tables[name].c[key]) for key in keys]
    for name, keys in CAPTURED.items()
}
