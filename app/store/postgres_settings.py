"""
What a connection to PostgreSQL is opened with, and what is read back from it.

Nothing rests on settings of the server or of a role: limits are set on each connection, or
in each transaction where a pooler hands out connections.
"""

from dataclasses import dataclass
from typing import Any

import psycopg

from ..domain.server_limits import (
    POSTGRES_CONNECT_SECONDS,
    POSTGRES_IDLE_SECONDS,
    POSTGRES_KEEPALIVE_SECONDS,
    POSTGRES_LOCK_SECONDS,
    POSTGRES_LOG_LOCK_MS,
    POSTGRES_STATEMENT_SECONDS,
)
from .errors import StoreError

# Unless the URL says otherwise. A server that is gone without a word is noticed by the last four.
_DEFAULTS: dict[str, str | int] = {
    "application_name": "parley",
    "connect_timeout": POSTGRES_CONNECT_SECONDS,
    "keepalives_idle": POSTGRES_KEEPALIVE_SECONDS,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 1_000 * POSTGRES_KEEPALIVE_SECONDS,
}
_REQUIRED = {"client_encoding": "UTF8"}

NO_LIMITS: dict[str, str] = {
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "statement_timeout": "0",
}
"""For migrations and whole-database checks, which take as long as they take."""

LIMITS: dict[str, str] = {
    # For who waits for a lock, and for who holds one and says nothing more: a frozen node.
    "lock_timeout": f"{POSTGRES_LOCK_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{POSTGRES_IDLE_SECONDS}s",
    "statement_timeout": f"{POSTGRES_STATEMENT_SECONDS}s",
}

LOG_LIMITS: dict[str, str] = {
    **LIMITS,
    "lock_timeout": f"{POSTGRES_LOG_LOCK_MS}ms",
    # All that a batch asks is by key. Plans are kept, and without this one that was made while a
    # table was small would go on reading all of it.
    "enable_seqscan": "off",
}

_FACTS = """
SELECT pg_backend_pid(), current_setting('server_version_num')::int,
    current_setting('server_encoding'), current_setting('synchronous_commit'),
    current_setting('fsync'), current_setting('full_page_writes'), pg_is_in_recovery(),
    current_setting('default_transaction_read_only')
"""
_MIN_VERSION = 120_000


class UnsuitableServer(StoreError):
    """The server can't keep Parley's promises. The text is the end of a sentence."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What was read back from a connection."""

    is_pooled: bool
    """Whether a pooler may give each transaction another server connection."""


def connection_parameters(url: str) -> dict[str, Any]:
    """
    Return libpq's parameters for a connection.

    Args:
        url: With any of them, which win over the defaults here.

    Raises:
        psycopg.Error: If the URL is not one of libpq's.

    """
    return {**_DEFAULTS, **psycopg.conninfo.conninfo_to_dict(url), **_REQUIRED}


def connect(url: str) -> "psycopg.Connection[Any]":
    """
    Open a connection in autocommit mode; see :func:`connection_parameters`.

    psycopg prepares no statements by itself, as it would deallocate the pipeline's with its own.

    Raises:
        psycopg.Error: If the URL is not one of libpq's, or the server can't be reached.

    """
    return psycopg.connect(**connection_parameters(url), autocommit=True, prepare_threshold=None)


def read_back(connection: "psycopg.Connection[Any]", *, writes: bool) -> ServerFacts:
    """
    Return what the server says of itself.

    Args:
        writes: Whether this connection is to write, so that commits must be safe.

    Raises:
        UnsuitableServer: If a promise of Parley's would not hold there.
        psycopg.Error: If it can't be asked.

    """
    row = connection.execute(_FACTS).fetchone()
    assert row is not None
    pid, version, encoding, synchronous_commit, fsync, full_pages, is_replica, read_only = row
    if version < _MIN_VERSION:
        raise UnsuitableServer(
            f"Parley needs PostgreSQL 12 or newer, and this is {version // 10_000}"
        )
    if encoding != "UTF8":
        raise UnsuitableServer(f"its encoding is {encoding}, and Parley needs UTF8")
    if writes:
        if is_replica:
            raise UnsuitableServer("it is a replica, which can't be written to")
        if read_only == "on":
            raise UnsuitableServer(
                "default_transaction_read_only is on for this role, database or server"
            )
        if synchronous_commit == "off":
            raise UnsuitableServer(
                "synchronous_commit is off for this role, database or server, so that an"
                " acknowledged message might not be on disk"
            )
        for name, value in (("fsync", fsync), ("full_page_writes", full_pages)):
            if value == "off":
                raise UnsuitableServer(f"{name} is off, so that a power failure may destroy it")
    # A pooler makes up the number with which a client would cancel a statement.
    return ServerFacts(is_pooled=pid != connection.pgconn.backend_pid)


def set_config(settings: dict[str, str], *, for_transaction: bool) -> str:
    """Return a query that sets ``settings``."""
    local = "true" if for_transaction else "false"
    calls = (f"set_config('{name}', '{value}', {local})" for name, value in settings.items())
    return f"SELECT {', '.join(calls)}"
