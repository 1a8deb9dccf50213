"""
Removing from SQLite's search index what deleted and edited messages have left there.

FTS5 deletes by adding a marker: the words stay in the segment that holds them until it is merged
with the marker's. Merging all segments leaves only what is searched for. It goes in steps, so that
a large index delays no send for long. The option ``secure-delete`` of FTS5 (SQLite 3.42) is not
used: an index that it has changed can't be read by the SQLite of Debian 12.
"""

from ..domain.limits import PURGE_STEP_PAGES
from .database import DbConnection

# A negative number first gathers all segments in one level. https://sqlite.org/fts5.html#merge
_MERGE = "INSERT INTO search_index (search_index, rank) VALUES ('merge', :pages)"
_CHANGES = "SELECT total_changes()"


def begin(connection: DbConnection) -> bool:
    """Start to merge all segments; return whether there is nothing more to merge."""
    return _merge(connection, -PURGE_STEP_PAGES)


def advance(connection: DbConnection) -> bool:
    """Merge some more pages; return whether there is nothing more to merge."""
    return _merge(connection, PURGE_STEP_PAGES)


def _merge(connection: DbConnection, pages: int) -> bool:
    ((before,),) = connection.rows(_CHANGES, {})
    connection.run(_MERGE, {"pages": pages})
    ((after,),) = connection.rows(_CHANGES, {})
    # The command itself counts as one change.
    return bool(after - before < 2)
