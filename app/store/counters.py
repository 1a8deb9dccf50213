"""Counters that the nodes share, for limits on attempts: an unlogged table. Times in seconds."""

from .database import DbConnection
from .database_clock import at_now

_COUNT = (
    "INSERT INTO counters (key, count, expires_at) VALUES (:key, :amount, {now} + :millis)"
    " ON CONFLICT (key) DO UPDATE SET"
    " count = CASE WHEN counters.expires_at <= {now} THEN excluded.count"
    " ELSE counters.count + excluded.count END,"
    " expires_at = CASE WHEN counters.expires_at <= {now} THEN excluded.expires_at"
    " ELSE counters.expires_at END"
)
_GET = "SELECT count, expires_at - {now} FROM counters WHERE key = :key AND expires_at > {now}"
_SWEEP = "DELETE FROM counters WHERE expires_at <= {now}"


def count(connection: DbConnection, key: str, amount: int, seconds: int) -> int:
    """Add to a counter, and return it. It begins anew after ``seconds``."""
    values = {"key": key, "amount": amount, "millis": seconds * 1_000}
    connection.run(at_now(connection, _COUNT), values)
    # The row is locked now: this is the count, even if the counter has just ended.
    ((counted,),) = connection.rows("SELECT count FROM counters WHERE key = :key", {"key": key})
    return int(counted)


def get(connection: DbConnection, key: str) -> tuple[int, float]:
    """Return a counter, and in how many seconds it begins anew."""
    for counted, millis in connection.rows(at_now(connection, _GET), {"key": key}):
        return counted, millis / 1_000
    return 0, 0.0


def clear(connection: DbConnection, key: str) -> None:
    """Forget a counter."""
    connection.run("DELETE FROM counters WHERE key = :key", {"key": key})


def sweep(connection: DbConnection) -> None:
    """Delete the counters that would begin anew."""
    connection.run(at_now(connection, _SWEEP), {})
