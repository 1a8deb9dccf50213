"""Events in ``parley check`` whose ``data`` is not JSON, or whose text is not UTF-8."""

from collections.abc import Iterator
from typing import Any

import orjson
import sqlalchemy as sa

from ..domain.ids import SEQ_BITS
from .database import DbConnection

_PAGE = 1_000
_COLUMNS = ("type", "text", "data", "client_id", "edited_text")


def unreadable_events(connection: DbConnection) -> Iterator[str]:
    """A sentence for each of them. Reads the log in pages."""
    # As bytes: the driver refuses a row that is not UTF-8. PostgreSQL stores no such text.
    kind = "BLOB" if connection.is_file else "text"
    columns = ", ".join(f"CAST({column} AS {kind})" for column in _COLUMNS)
    page = sa.text(f"SELECT id, {columns} FROM events WHERE id > :after ORDER BY id LIMIT :limit")
    after = -1
    while rows := connection.execute(page, {"after": after, "limit": _PAGE}).all():
        for row in rows:
            if problem := _problem(row):
                room, seq = row[0] >> SEQ_BITS, row[0] & (1 << SEQ_BITS) - 1
                yield f"room {room}, event {seq}: its {problem}"
        after = rows[-1][0]


def _problem(row: Any) -> str | None:
    for column, value in zip(_COLUMNS, row[1:], strict=True):
        try:
            if isinstance(value, bytes):
                value.decode()
            if column == "data" and value is not None and not _is_object(value):
                return "data is not JSON"
        except UnicodeDecodeError:
            return f"{column} is not UTF-8"
    return None


def _is_object(data: bytes | str) -> bool:
    try:
        return isinstance(orjson.loads(data), dict)
    except orjson.JSONDecodeError:
        return False
