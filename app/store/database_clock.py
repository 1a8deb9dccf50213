"""The database's own time, for what several nodes compare: their clocks may differ."""

from .database import DbConnection


def at_now(connection: DbConnection, sql: str) -> str:
    """Replace ``{now}`` in a statement by the time of its execution, in ms since 1970."""
    return sql.replace("{now}", connection.now_ms)
