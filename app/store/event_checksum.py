"""
A checksum per event, by which damage is noticed that SQLite can't see: a bit that has flipped.

Written with the event, written anew when one changes, and compared whenever an event is read to be
shown or changed. SQLite only: PostgreSQL has checksums of its pages (``initdb --data-checksums``).
An event whose checksum is null was written by an older version, and is not compared until
:mod:`app.store.checksum_backfill` has given it one.

A statement asks for it by ``{e.id}`` in place of ``e.id``, where ``e`` stands for ``events``.
"""

import re
import sqlite3
import threading
import zlib
from collections.abc import Iterable
from typing import Any

import orjson

from ..domain.ids import SEQ_BITS

COLUMNS = (
    *("id", "room_id", "type", "by", "at", "ref", "text", "data", "client_id"),
    *("edited_text", "edited_at", "deleted_at", "pinned_at"),
)
"""What the checksum covers: all of the row."""

IMPOSSIBLE = -1
"""Stands for the checksum of what no version has written: it is not that of any row."""

# What SQLite reports if a function raises; the exception itself is lost.
FUNCTION_RAISED = "user-defined function raised exception"

_TOKEN = re.compile(r"\{(\w+)\.id\}")
_COUNT = len(COLUMNS)
_crc32, _dumps = zlib.crc32, orjson.dumps
_finding = threading.local()


def checksum(row: Iterable[object]) -> int:
    """Return the checksum of the values of :data:`COLUMNS`. Takes half a microsecond."""
    # JSON is the same on every machine and in every version of Python.
    return zlib.crc32(orjson.dumps(row))


def register(connection: sqlite3.Connection) -> None:
    """Make the functions that the statements use known to a connection."""
    for name, count, function in (
        ("verified_id", _COUNT + 1, _verified_id),
        ("event_checksum", _COUNT, _event_checksum),
    ):
        connection.create_function(name, count, function, deterministic=True)


def verifying(sql: str) -> str:
    """Return the statement with ``{e.id}`` replaced: the id, once its row has been compared."""
    return _TOKEN.sub(lambda token: f"verified_id({_columns(token[1])}, {token[1]}.checksum)", sql)


def not_verifying(sql: str) -> str:
    """Return the statement with ``{e.id}`` replaced by the id alone, for PostgreSQL."""
    return _TOKEN.sub(r"\1.id", sql)


def sealing(alias: str = "events") -> str:
    """Return the expression for the checksum of a row of ``alias``. SQLite only."""
    return f"event_checksum({_columns(alias)})"


def finding() -> str:
    """What the last comparison that failed in this thread has found."""
    return getattr(_finding, "what", "an event: it can't be read")


def _columns(alias: str) -> str:
    return ", ".join(f"{alias}.{column}" for column in COLUMNS)


def _event_checksum(*row: Any) -> int:
    try:
        return checksum(row)
    except TypeError:  # bytes, which no event holds
        return IMPOSSIBLE


def _verified_id(*row: Any) -> int:
    stored = row[_COUNT]
    # checksum() written out: a page calls this for each of its events.
    try:
        if stored is None or stored == _crc32(_dumps(row[:_COUNT])):
            return int(row[0])
    except TypeError:  # bytes, which no event holds
        pass
    id_ = row[0]
    room, seq = id_ >> SEQ_BITS, id_ & (1 << SEQ_BITS) - 1
    _finding.what = f"room {room}, event {seq}: is not what was written"
    raise ValueError
