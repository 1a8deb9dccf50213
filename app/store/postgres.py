"""
PostgreSQL: a thread that writes the log, a few that read, and a few for other writes.

The shape of SQLite's: a transaction runs synchronously in one of these threads, with psycopg, and
each thread keeps a connection of its own. No transaction waits for a connection from a pool, or
asks first whether it is still there.
"""

import asyncio
from collections.abc import Callable, Iterable

import psycopg
import sqlalchemy as sa

from ..domain.errors import Unavailable
from ..domain.server_limits import POSTGRES_READERS, POSTGRES_TRANSACTION_SECONDS, POSTGRES_WRITERS
from .database import DatabaseLoad, OutcomeUnknown, RowsLocked, T, Work
from .postgres_faults import is_row_refused, kind_of, log_failure
from .postgres_session import PostgresSession
from .postgres_settings import LIMITS, LOG_LIMITS, NO_LIMITS, UnsuitableServer
from .session_threads import SessionThreads

_FAILURES = (psycopg.Error, sa.exc.DBAPIError, UnsuitableServer, OutcomeUnknown, TimeoutError)


class PostgresDatabase:
    """
    A PostgreSQL database, which other nodes may use too.

    Implements :class:`~app.store.database.Database`. Connects at the first transaction, not in
    the constructor.

    Args:
        url: ``postgresql://…``, with any of libpq's parameters.
        limited: Whether waits are limited; not for migrations and checks of everything.
        transaction_seconds: How long a transaction may take in all; then it is cut off.

    """

    shared = True
    checking = False

    def __init__(
        self,
        url: str,
        *,
        limited: bool = True,
        transaction_seconds: float = POSTGRES_TRANSACTION_SECONDS,
    ) -> None:
        limits = LIMITS if limited else NO_LIMITS
        seconds = transaction_seconds if limited else None
        log_limits = LOG_LIMITS if limited else NO_LIMITS
        self._log = SessionThreads("parley-log", 1, seconds, url, log_limits, writes=True)
        self._aside = SessionThreads("parley-aside", 1, seconds, url, log_limits, writes=True)
        self._writers = SessionThreads(
            "parley-write", POSTGRES_WRITERS, seconds, url, limits, writes=True
        )
        self._readers = SessionThreads(
            "parley-read", POSTGRES_READERS, seconds, url, limits, writes=False
        )
        self.fault: str | None = None
        self.closed = False
        self.logs_failures = True
        """Whether a transaction that the server or the network failed is logged."""

    @property
    def load(self) -> DatabaseLoad:
        return DatabaseLoad(tuple(threads.load for threads in self._all_threads))

    async def write_log(
        self, work: Work[T], *, aside: bool = False, waiting_since: float | None = None
    ) -> T:
        threads = self._aside if aside else self._log
        try:
            return await self._run(threads, PostgresSession.write, work)
        except Unavailable as exc:
            if isinstance(exc.__cause__, OutcomeUnknown):
                raise exc.__cause__ from None
            if isinstance(exc.__cause__, psycopg.errors.LockNotAvailable):
                raise RowsLocked from exc
            raise

    async def write(self, work: Work[T]) -> T:
        return await self._run(self._writers, PostgresSession.write, work)

    async def checkpoint(self) -> bool:
        return True

    async def read(self, work: Work[T]) -> T:
        return await self._run(self._readers, PostgresSession.read, work)

    async def close(self) -> None:
        self.closed = True
        for threads in self._all_threads:
            await asyncio.to_thread(threads.close)

    def interrupt(self) -> None:
        self.closed = True
        for threads in self._all_threads:
            threads.interrupt()

    @property
    def _all_threads(self) -> Iterable[SessionThreads]:
        return self._readers, self._writers, self._aside, self._log

    async def _run(
        self,
        threads: SessionThreads,
        transaction: Callable[[PostgresSession, Work[T]], T],
        work: Work[T],
    ) -> T:
        if self.closed:
            # A connection opened now would never be closed.
            raise Unavailable
        try:
            result = await threads.run(transaction, work)
        except _FAILURES as exc:
            cause = exc.orig if isinstance(exc, sa.exc.DBAPIError) else exc
            # A refused row is the caller's error, not an outage: the caller retries its batch
            # without it.
            if is_row_refused(cause):
                raise
            kind = kind_of(cause)
            if self.logs_failures:
                log_failure(cause)
            if threads is self._readers:
                self.fault = kind
            raise Unavailable from exc
        if threads is self._readers:
            self.fault = None
        return result
