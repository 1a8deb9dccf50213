"""
One thread's connection to PostgreSQL: connecting, transactions, and replacing it when it is lost.
"""

import os
import select
import socket
from contextlib import suppress
from typing import Any, cast

import psycopg
import sqlalchemy as sa
from psycopg import pq
from sqlalchemy.pool import NullPool

from .database import OutcomeUnknown, T, Work
from .pipeline import Pipeline
from .postgres_connection import PostgresConnection
from .postgres_settings import connect, read_back, set_config


class PostgresSession:
    """
    A connection that is opened when it is first needed, and anew after it was lost.

    Used in one thread, for one transaction at a time.

    Args:
        url: ``postgresql://…``, with any of libpq's parameters.
        settings: Of PostgreSQL, for every transaction.
        writes: Whether :meth:`write` is used: then commits must be safe there.

    Raises (:meth:`read` and :meth:`write`):
        UnsuitableServer: If the server can't keep Parley's promises.
        psycopg.Error, sqlalchemy.exc.DBAPIError: What the server or the network did.

    """

    def __init__(self, url: str, settings: dict[str, str], *, writes: bool) -> None:
        self._settings = settings
        self._writes = writes
        self._engine = sa.create_engine(
            "postgresql+psycopg://",
            creator=lambda: connect(url),
            poolclass=NullPool,
            # Transactions are begun and ended here, in one round trip with other statements.
            isolation_level="AUTOCOMMIT",
            use_native_hstore=False,
        )
        self._sqlalchemy: sa.Connection | None = None
        # Of the server's end, which another thread may cut.
        self._socket: socket.socket | None = None
        self._first = ""

    @property
    def is_connected(self) -> bool:
        """Whether it has a connection, which may be lost without notice. Read in any thread."""
        return self._sqlalchemy is not None

    def write(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction, and commit it; if it only asked, roll back."""
        # Each query of a write follows its lock, and must see what was committed before the lock
        # was granted.
        return self._run("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", work, commits=True)

    def read(self, work: Work[T]) -> T:
        """Run ``work`` on one snapshot. :meth:`end_read` must follow."""
        return self._run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", work, commits=False)

    def end_read(self) -> None:
        """End the transaction of :meth:`read`, whose caller need not wait for it."""
        if self._sqlalchemy is not None:
            self._undo()

    def close(self) -> None:
        """Close the connection; the next transaction opens one."""
        if self._sqlalchemy is None:
            return
        sqlalchemy, self._sqlalchemy = self._sqlalchemy, None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        # Closes it in whatever state it is, without another word to the server.
        sqlalchemy.invalidate()
        sqlalchemy.close()

    def cut(self) -> None:
        """
        Make what the thread waits for fail. Called in any thread.

        A server that hangs answers no cancel request either: so the connection ends.
        """
        with suppress(OSError, AttributeError):
            self._socket.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]

    def _run(self, begin: str, work: Work[T], *, commits: bool) -> T:
        connection = self._connected()
        is_committing = False
        try:
            self._pipeline.queue(begin, {})
            if self._first:
                self._pipeline.queue(self._first, {})
            result = work(connection)
            if commits:
                # A row lock gives a transaction an id, with which COMMIT waits for the disk. The
                # time of an answer would tell a hidden room from one that doesn't exist.
                is_committing = connection.may_have_written
                self._pipeline.queue("COMMIT" if is_committing else "ROLLBACK", {})
            self._pipeline.flush()
        except BaseException as exc:  # undo, whatever was raised
            is_lost = is_committing and self._driver.pgconn.status == pq.ConnStatus.BAD
            self._undo()
            if is_lost:
                raise OutcomeUnknown(str(exc), result) from exc
            raise
        return result

    def _connected(self) -> PostgresConnection:
        if self._sqlalchemy is not None and _has_news(self._driver.pgconn.socket):
            # The server says nothing between transactions but that it ends the connection.
            self.close()
        if self._sqlalchemy is None:
            self._sqlalchemy = self._engine.connect()
            try:
                self._set_up(self._sqlalchemy)
            except BaseException:  # leave no connection that is not set up
                self.close()
                raise
        return PostgresConnection(self._sqlalchemy, self._pipeline)

    def _set_up(self, sqlalchemy: sa.Connection) -> None:
        sqlalchemy.begin()
        driver = self._driver
        self._socket = socket.socket(fileno=os.dup(driver.pgconn.socket))
        facts = read_back(driver, writes=self._writes)
        self._pipeline = Pipeline(driver, prepares=not facts.is_pooled)
        # Behind a pooler the next transaction may run on another connection.
        self._first = set_config(self._settings, for_transaction=True) if facts.is_pooled else ""
        if not facts.is_pooled:
            driver.execute(set_config(self._settings, for_transaction=False))

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
