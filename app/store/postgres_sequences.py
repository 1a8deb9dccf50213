"""What PostgreSQL needs after rows were copied into it with their ids."""

import sqlalchemy as sa

from .database import DbConnection
from .tables import metadata

_NAMES = [table.name for table in metadata.sorted_tables if "id" in table.c]
_FIND = sa.text("SELECT pg_get_serial_sequence(:table, 'id')")
_SET = sa.text(
    "SELECT setval(CAST(:sequence AS regclass), coalesce(CAST(:last AS bigint), 1),"
    " CAST(:last AS bigint) IS NOT NULL)"
)


def advance(connection: DbConnection) -> None:
    """Let new ids begin after the highest ones. Does nothing on SQLite, as does the other."""
    if connection.is_only_writer:
        return
    for table in (*_NAMES, "search_documents"):
        sequence = connection.execute(_FIND, {"table": table}).scalar_one()
        if sequence is not None:
            last = connection.execute(sa.text(f"SELECT max(id) FROM {table}")).scalar_one()
            connection.execute(_SET, {"sequence": sequence, "last": last})


def analyze(connection: DbConnection) -> None:
    """Bring the statistics up to date: plans are made of them, and kept."""
    if not connection.is_only_writer:
        connection.execute(sa.text("ANALYZE"))
