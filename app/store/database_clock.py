"""The database's own time, for what several nodes compare: their clocks may differ."""

from .database import DbConnection

_NOW = {
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)",
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
}


def at_now(connection: DbConnection, sql: str) -> str:
    """Replace ``{now}`` in a statement by the time of its execution, in ms since 1970."""
    return sql.replace("{now}", _NOW[connection.dialect.name])
