"""
One thread's connection to PostgreSQL: connecting, transactions, and replacing it when it is lost.
"""

import select
from typing import Any, cast

import psycopg
import sqlalchemy as sa
from psycopg import pq
from sqlalchemy.pool import NullPool

from ..domain.limits import POSTGRES_CONNECT_SECONDS, POSTGRES_KEEPALIVE_SECONDS
from .database import T, Work
from .pipeline import Pipeline
from .postgres_connection import PostgresConnection

# Unless the URL says otherwise. A peer that is gone without a word is noticed in the time of the
# first four; `connect_timeout` is per address.
_DEFAULTS: dict[str, str | int] = {
    "application_name": "parley",
    "connect_timeout": POSTGRES_CONNECT_SECONDS,
    "keepalives_idle": POSTGRES_KEEPALIVE_SECONDS,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 1_000 * POSTGRES_KEEPALIVE_SECONDS,
}
_REQUIRED = {"client_encoding": "UTF8"}


def connect(url: str) -> "psycopg.Connection[Any]":
    """
    Open a connection in autocommit mode.

    Args:
        url: With any of libpq's parameters, which win over the defaults here.

    psycopg prepares no statements by itself, as it would deallocate the pipeline's with its own.

    Raises:
        psycopg.Error: If the URL is not one of libpq's, or the server can't be reached.

    """
    given = psycopg.conninfo.conninfo_to_dict(url)
    parameters: dict[str, Any] = {**_DEFAULTS, **given, **_REQUIRED}
    return psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)


class PostgresSession:
    """
    A connection that is opened when it is first needed, and anew after it was lost.

    Used in one thread, for one transaction at a time.

    Raises (every method but :meth:`close` and :meth:`end_read`):
        psycopg.Error, sqlalchemy.exc.DBAPIError: What the server or the network did.

    """

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(
            "postgresql+psycopg://",
            creator=lambda: connect(url),
            poolclass=NullPool,
            # Transactions are begun and ended here, in one round trip with other statements.
            isolation_level="AUTOCOMMIT",
            use_native_hstore=False,
        )
        self._sqlalchemy: sa.Connection | None = None

    def write(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction, and commit it."""
        # Each query of a write follows its lock, and must see what was committed before the lock
        # was granted.
        return self._run("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", work, "COMMIT")

    def read(self, work: Work[T]) -> T:
        """Run ``work`` on one snapshot. :meth:`end_read` must follow."""
        return self._run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", work, None)

    def end_read(self) -> None:
        """End the transaction of :meth:`read`, whose caller need not wait for it."""
        if self._sqlalchemy is not None:
            self._undo()

    def close(self) -> None:
        """Close the connection; the next transaction opens one."""
        if self._sqlalchemy is None:
            return
        sqlalchemy, self._sqlalchemy = self._sqlalchemy, None
        # Closes it in whatever state it is, without another word to the server.
        sqlalchemy.invalidate()
        sqlalchemy.close()

    def _run(self, begin: str, work: Work[T], end: str | None) -> T:
        connection = self._connected()
        try:
            connection.run(begin, {})
            result = work(connection)
            if end is not None:
                connection.run(end, {})
            connection.flush()
        except BaseException:  # undo, whatever was raised
            self._undo()
            raise
        return result

    def _connected(self) -> PostgresConnection:
        if self._sqlalchemy is not None and _has_news(self._driver.pgconn.socket):
            # The server says nothing between transactions but that it ends the connection.
            self.close()
        if self._sqlalchemy is None:
            self._sqlalchemy = self._engine.connect()
            self._sqlalchemy.begin()
            self._pipeline = Pipeline(self._driver, prepares=True)
        return PostgresConnection(self._sqlalchemy, self._pipeline)

    @property
    def _driver(self) -> "psycopg.Connection[Any]":
        assert self._sqlalchemy is not None
        return cast("psycopg.Connection[Any]", self._sqlalchemy.connection.driver_connection)

    def _undo(self) -> None:
        """Roll back; a connection on which that fails is closed."""
        self._pipeline.clear()
        try:
            if self._driver.pgconn.transaction_status != pq.TransactionStatus.IDLE:
                self._pipeline.queue("ROLLBACK", {})
                self._pipeline.flush()
        except (psycopg.Error, sa.exc.SQLAlchemyError):
            self.close()


def _has_news(descriptor: int) -> bool:
    """Whether something can be read from a socket."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
