"""
Giving the events of older versions a checksum, oldest first, a batch per transaction.

What was altered before that can't be told from what was written; from then on it can. SQLite only:
see :mod:`app.store.event_checksum`.

The row ``checksums`` in ``meta`` says how far: no row: not begun; ``8589934592``: up to the event
of this id; ``complete``.
"""

from typing import Any

import sqlalchemy as sa

from .bulk import BulkStatement
from .database import DbConnection
from .event_checksum import COLUMNS, IMPOSSIBLE, checksum
from .tables import meta

_KEY = "checksums"
_COMPLETE = "complete"

_STATE = sa.select(meta.c.value).where(meta.c.key == _KEY)
_PAGE = "SELECT id FROM events WHERE id > :after ORDER BY id LIMIT :limit"
# Text as bytes: the driver refuses a row that is not UTF-8.
_TEXTS = frozenset({"type", "text", "data", "client_id", "edited_text"})
_WITHOUT = (
    f"SELECT {', '.join(f'CAST({c} AS BLOB)' if c in _TEXTS else c for c in COLUMNS)}"
    " FROM events WHERE id > :after AND id <= :last AND checksum IS NULL"
)
_SEAL = BulkStatement(
    "UPDATE events SET checksum = k.checksum FROM {keys} WHERE events.id = k.id",
    id="bigint",
    checksum="bigint",
)
_COUNT = "SELECT count(*) FROM events WHERE checksum IS NULL"


def is_complete(connection: DbConnection) -> bool:
    """Whether there is nothing to do: every event has one, or the database has none of ours."""
    return not connection.has_checksums or _state(connection) == _COMPLETE


def advance(connection: DbConnection, limit: int) -> bool:
    """Look at ``limit`` more events; return whether all have a checksum now. Idempotent."""
    if is_complete(connection):
        return True
    after = int(_state(connection) or -1)
    page = connection.rows(_PAGE, {"after": after, "limit": limit})
    last = page[-1][0] if page else after
    found = connection.rows(_WITHOUT, {"after": after, "last": last})
    _SEAL.run(connection, [(row[0], _of(row)) for row in found])
    is_last = len(page) < limit
    # What is appended meanwhile has a checksum.
    _set_state(connection, _COMPLETE if is_last else str(last))
    return is_last


def missing(connection: DbConnection) -> int:
    """How many events have none. Reads the whole log."""
    if not connection.has_checksums:
        return 0
    return int(connection.rows(_COUNT, {})[0][0])


def _of(row: Any) -> int:
    try:
        return checksum([v.decode() if isinstance(v, bytes) else v for v in row])
    except UnicodeDecodeError:
        # No version has written such a text.
        return IMPOSSIBLE


def _state(connection: DbConnection) -> str | None:
    found: str | None = connection.execute(_STATE).scalar()
    return found


def _set_state(connection: DbConnection, value: str) -> None:
    if _state(connection) is None:
        connection.execute(sa.insert(meta).values(key=_KEY, value=value))
    else:
        connection.execute(sa.update(meta).where(meta.c.key == _KEY).values(value=value))
