"""
What goes wrong with PostgreSQL, in a word: for /ready and the log.

The SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import logging

import psycopg

from .database import OutcomeUnknown
from .errors import reason
from .postgres_settings import UnsuitableServer

log = logging.getLogger("parley.store")

# Classes 22, data exception, and 23, integrity constraint violation.
_ROW_REFUSED = ("22", "23")
# The longest prefix that fits; in /ready and in the log.
_KINDS = {
    "08": "unreachable",
    "25006": "read-only",
    "25P03": "frozen",
    "28": "log-in refused",
    "3D": "no such database",
    "40": "conflict",
    "42501": "not permitted",
    "42": "schema",
    "53100": "disk full",
    "53300": "too many connections",
    "55P03": "locked",
    "57014": "too slow",
    "57P": "stopping or starting",
}
# A log-in that fails has no SQLSTATE in libpq, only the server's words.
_WORDS = {
    # First: they name a role or a database, too.
    "too many": "too many connections",
    "remaining connection slots": "too many connections",
    "password": "log-in refused",
    "pg_hba.conf": "log-in refused",
    "role": "log-in refused",
    "database": "no such database",
    "starting up": "stopping or starting",
    "shutting down": "stopping or starting",
    "SSL": "TLS failed",
    "certificate": "TLS failed",
}


def is_row_refused(exc: BaseException | None) -> bool:
    """Whether a row was refused, which is no outage: the caller may try without it."""
    state = getattr(exc, "sqlstate", None)
    # psycopg itself refuses what it can't send.
    return state.startswith(_ROW_REFUSED) if state else isinstance(exc, psycopg.DataError)


def kind_of(exc: BaseException | None) -> str:
    """Return what has gone wrong, in a word or two."""
    if isinstance(exc, UnsuitableServer):
        return "unsuitable"
    if isinstance(exc, OutcomeUnknown):
        return "lost at COMMIT"
    if isinstance(exc, TimeoutError):
        return "too slow"
    state = getattr(exc, "sqlstate", None) or ""
    for length in range(len(state), 1, -1):
        if kind := _KINDS.get(state[:length]):
            return kind
    if not state and "FATAL" in (text := str(exc)):
        return next((kind for word, kind in _WORDS.items() if word in text), "refused")
    return "failed" if state else "unreachable"


def log_failure(exc: BaseException | None) -> None:
    """Log that a transaction failed. Safe from any thread."""
    log.error("database.failed", extra={"kind": kind_of(exc), "error": reason(exc)})
