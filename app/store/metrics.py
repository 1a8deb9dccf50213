"""The metrics of the database: its threads, the write-ahead log, and whether it has a fault."""

from ..observability.metrics import Families, Gauge
from .database import Database

FAULT = Gauge("parley_database_fault", "1 while something is wrong with the database itself.")
THREADS = Gauge("parley_database_threads", "Threads that run transactions.", ("pool",))
WAITING = Gauge(
    "parley_database_waiting_transactions", "Transactions that wait for a thread.", ("pool",)
)
BUSY = Gauge(
    "parley_postgres_busy_threads", "Threads that have a transaction on PostgreSQL.", ("pool",)
)
CONNECTIONS = Gauge(
    "parley_postgres_connections", "Open connections of these threads to PostgreSQL.", ("pool",)
)
WAL_BYTES = Gauge(
    "parley_sqlite_wal_bytes", "Size of SQLite's write-ahead log; it grows, and is reused."
)


def collect(database: Database) -> Families:
    """Read the metrics; those of the other engine have no samples. Called in the event loop."""
    load = database.load
    yield FAULT.samples(database.fault is not None)
    yield THREADS.samples({(each.name,): each.count for each in load.threads})
    yield WAITING.samples({(each.name,): each.waiting for each in load.threads})
    yield BUSY.samples(
        {(each.name,): each.running for each in load.threads if each.running is not None}
    )
    yield CONNECTIONS.samples(
        {(each.name,): each.connections for each in load.threads if each.connections is not None}
    )
    yield WAL_BYTES.samples({} if load.wal_bytes is None else {(): load.wal_bytes})
