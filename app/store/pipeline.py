"""
Statements that cross the network together: libpq's pipeline mode, one round trip for all.

https://www.postgresql.org/docs/current/libpq-pipeline-mode.html
"""

import re
import select
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import count
from typing import Any, NamedTuple, overload

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGresult

_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")
_READ = select.POLLIN | select.POLLERR | select.POLLHUP
_READ_AND_WRITE = _READ | select.POLLOUT
_FAILED = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.PIPELINE_ABORTED)
_numbers = count(1)


class _Statement(NamedTuple):
    name: bytes
    """Of the prepared statement. The same on every connection, as poolers want it."""
    sql: bytes
    parameters: tuple[str, ...]


@cache
def _statement(sql: str) -> _Statement:
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    text = _PARAMETER.sub(number, sql)
    return _Statement(b"parley_%d" % next(_numbers), text.encode(), tuple(names))


class Rows(Sequence[Any]):
    """The rows of a queued query. The first look at them sends what is queued."""

    __slots__ = ("_pipeline", "rows")

    def __init__(self, pipeline: "Pipeline") -> None:
        self._pipeline = pipeline
        self.rows: list[Any] | None = None

    def _loaded(self) -> list[Any]:
        if self.rows is None:
            self._pipeline.flush()
            assert self.rows is not None
        return self.rows

    def __iter__(self) -> Any:
        return iter(self._loaded())

    def __len__(self) -> int:
        return len(self._loaded())

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self._loaded()[index]


class Pipeline:
    """
    A queue of statements on one connection, and sending them in one round trip.

    Used in one thread. Between two calls of :meth:`flush` the connection is not in pipeline mode,
    and psycopg can execute statements on it.

    Args:
        prepares: Whether statements are prepared by name. Not behind a pooler that gives each
            transaction another server connection.

    """

    def __init__(self, connection: "psycopg.Connection[Any]", *, prepares: bool) -> None:
        self._pgconn = connection.pgconn
        self._load = Transformer(connection)
        self._prepares = prepares
        self._prepared: set[bytes] = set()
        self._queue: list[tuple[_Statement, list[bytes | None], Rows]] = []
        self.round_trips = 0
        """How often :meth:`flush` has waited for the server."""

    def queue(self, sql: str, parameters: Mapping[str, object]) -> Rows:
        """
        Queue a statement with named parameters (``:name``).

        Raises:
            psycopg.DataError: If a text parameter holds NUL, which libpq would cut it at.

        """
        statement = _statement(sql)
        rows = Rows(self)
        values = [_encode(parameters[name]) for name in statement.parameters]
        self._queue.append((statement, values, rows))
        return rows

    def clear(self) -> None:
        """Forget what is queued."""
        self._queue.clear()

    def flush(self) -> None:
        """
        Send what is queued, and wait for all results.

        Raises:
            psycopg.Error: What the first statement that failed was answered. Those after it were
                not executed.

        """
        if not self._queue:
            return
        queue, self._queue = self._queue, []
        self.round_trips += 1
        self._pgconn.enter_pipeline_mode()
        sent = [expected for entry in queue for expected in self._send(*entry)]
        self._pgconn.pipeline_sync()
        failed = self._receive(sent)
        if failed is not None:
            raise error_from_result(failed)

    def _send(
        self, statement: _Statement, values: list[bytes | None], rows: Rows
    ) -> Iterable[bytes | Rows]:
        """Yields what the results will be: of a preparation the name, of a statement its rows."""
        if not self._prepares:
            self._pgconn.send_query_params(statement.sql, values)
            yield rows
            return
        if statement.name not in self._prepared:
            # A statement may be queued twice: prepared for the first one only.
            self._prepared.add(statement.name)
            self._pgconn.send_prepare(statement.name, statement.sql)
            yield statement.name
        self._pgconn.send_query_prepared(statement.name, values)
        yield rows

    def _receive(self, sent: Sequence[bytes | Rows]) -> "PGresult | None":
        """Receive a result for each, and leave pipeline mode; return the first error."""
        failed = None
        try:
            for expected in sent:
                result = self._result()
                if result.status in _FAILED:
                    failed = failed or result
                    if isinstance(expected, bytes):
                        self._prepared.discard(expected)
                elif isinstance(expected, Rows):
                    self._load.set_pgresult(result)
                    expected.rows = self._load.load_rows(0, result.ntuples, tuple)
            if (end := self._result().status) != pq.ExecStatus.PIPELINE_SYNC:
                raise psycopg.InternalError(f"The end of a pipeline was expected, not {end}.")
        except psycopg.OperationalError:
            # The server says why it ends a connection, and then ends it.
            if failed is None:
                raise
        else:
            self._pgconn.exit_pipeline_mode()
        return failed

    def _result(self) -> "PGresult":
        pgconn = self._pgconn
        while True:
            self._wait()
            result = pgconn.get_result()
            # None ends the results of a statement.
            if result is not None:
                return result
            if pgconn.status == pq.ConnStatus.BAD:
                raise psycopg.OperationalError(pgconn.get_error_message())

    def _wait(self) -> None:
        """Send what libpq still holds, and return when a result can be taken without blocking."""
        pgconn = self._pgconn
        poll = None
        while (unsent := pgconn.flush()) or pgconn.is_busy():
            if poll is None:
                poll = select.poll()
            poll.register(pgconn.socket, _READ_AND_WRITE if unsent else _READ)
            poll.poll()
            pgconn.consume_input()


def _encode(value: object) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    text = str(value)
    if "\0" in text:
        raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return text.encode()
