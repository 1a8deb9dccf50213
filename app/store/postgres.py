"""
PostgreSQL: a thread that writes the log, a few that read, and a few for other writes.

The shape of SQLite's: a transaction runs synchronously in one of these threads, with psycopg, and
each thread keeps a connection of its own. No transaction waits for a connection from a pool, or
asks first whether it is still there.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from functools import partial

import psycopg
import sqlalchemy as sa

from ..domain.errors import Unavailable
from ..domain.limits import POSTGRES_READERS, POSTGRES_WRITERS
from .database import T, Work
from .errors import reason
from .postgres_session import PostgresSession
from .thread_pool import ThreadPool

log = logging.getLogger("parley.store")

# SQLSTATE classes 22, data exception, and 23, integrity constraint violation.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_ROW_REFUSED = ("22", "23")


class PostgresDatabase:
    """
    A PostgreSQL database, which other nodes may use too.

    Implements :class:`~app.store.database.Database`. Connects at the first transaction, not in
    the constructor.

    Args:
        url: ``postgresql://…``, with any of libpq's parameters.

    """

    shared = True
    fault = None
    checking = False

    def __init__(self, url: str) -> None:
        self._log = SessionThreads(url, 1, "parley-log")
        self._writers = SessionThreads(url, POSTGRES_WRITERS, "parley-write")
        self._readers = SessionThreads(url, POSTGRES_READERS, "parley-read")
        self._closed = False

    async def write_log(self, work: Work[T]) -> T:
        return await self._run(self._log, PostgresSession.write, work)

    async def write(self, work: Work[T]) -> T:
        return await self._run(self._writers, PostgresSession.write, work)

    async def checkpoint(self) -> bool:
        return True

    async def read(self, work: Work[T]) -> T:
        return await self._run(self._readers, PostgresSession.read, work)

    async def close(self) -> None:
        self._closed = True
        for threads in (self._readers, self._writers, self._log):
            await asyncio.to_thread(threads.close)

    async def _run(
        self,
        threads: "SessionThreads",
        transaction: Callable[[PostgresSession, Work[T]], T],
        work: Work[T],
    ) -> T:
        if self._closed:
            # A connection opened now would never be closed.
            raise Unavailable
        try:
            return await threads.run(transaction, work)
        except (psycopg.Error, sa.exc.DBAPIError) as exc:
            cause = exc.orig if isinstance(exc, sa.exc.DBAPIError) else exc
            # A refused row is the caller's error, not an outage: the caller retries its batch
            # without it.
            if _is_row_refused(cause):
                raise
            log.error("database.failed", extra={"error": reason(cause)})
            raise Unavailable from exc


def _is_row_refused(exc: BaseException | None) -> bool:
    state = getattr(exc, "sqlstate", None)
    # psycopg itself refuses what it can't send.
    return state.startswith(_ROW_REFUSED) if state else isinstance(exc, psycopg.DataError)


class SessionThreads:
    """A number of threads, with a session each that opens its connection when it is used."""

    def __init__(self, url: str, count: int, name: str) -> None:
        self._new_session = partial(PostgresSession, url)
        self._threads = ThreadPool(count, name)
        self._local = threading.local()
        self._sessions: list[PostgresSession] = []

    async def run(self, transaction: Callable[[PostgresSession, Work[T]], T], work: Work[T]) -> T:
        """Run ``transaction(session, work)`` in one of the threads."""
        return await self._threads.run(partial(self._run_in_thread, transaction), work, self._end)

    def close(self) -> None:
        """Carry out what was called, and close the connections. Blocks until then."""
        self._threads.close()
        for session in self._sessions:
            session.close()

    def _run_in_thread(
        self, transaction: Callable[[PostgresSession, Work[T]], T], work: Work[T]
    ) -> T:
        session: PostgresSession | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = self._new_session()
            self._sessions.append(session)
        return transaction(session, work)

    def _end(self) -> None:
        """End a read, after its result is on its way."""
        self._local.session.end_read()
