"""
Rewriting a SQLite file of an earlier version once, at the first start.

Earlier versions did not overwrite what was deleted: it stays in the unused parts of the pages.
"""

import logging
import os
from pathlib import Path

import sqlalchemy as sa

from ..domain.errors import Unavailable
from ..domain.server_limits import MAX_REWRITTEN_BYTES
from .database import DbConnection
from .sqlite import SqliteDatabase
from .tables import meta

log = logging.getLogger("parley.store")

_KEY = "rewritten"


async def rewrite_once(
    database: SqliteDatabase, path: Path, *, max_bytes: int = MAX_REWRITTEN_BYTES
) -> None:
    """
    Rewrite the file, unless that has been done. If it is too large or can't be, say so in the log.

    The next start tries again. A backup holds nothing that was deleted, so one that is put in the
    place of a large file does the same.
    """
    if await database.read(_is_rewritten):
        return
    size = os.stat(path).st_size
    if size > max_bytes:
        log.warning("database.not_rewritten", extra={"bytes": size, "max_bytes": max_bytes})
        return
    try:
        await database.rewrite()
        await database.write(_mark)
    except Unavailable:
        log.warning("database.not_rewritten", extra={"bytes": size})


def _is_rewritten(connection: DbConnection) -> bool:
    found = connection.execute(sa.select(meta.c.value).where(meta.c.key == _KEY))
    return found.first() is not None


def _mark(connection: DbConnection) -> None:
    connection.execute(sa.insert(meta).values(key=_KEY, value="1"))
