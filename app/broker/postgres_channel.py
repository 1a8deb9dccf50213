"""
One connection to PostgreSQL that listens on the channel and notifies on it.

It is in autocommit mode and never in a transaction: a listener inside of one keeps the server
from trimming the queue of all notifications. libpq is used without blocking, from the event
loop, since psycopg's own wait for notifications allows no other statement meanwhile.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import orjson
import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

CHANNEL = "parley"
"""All nodes on a database share it. PostgreSQL keeps the channels of its databases apart."""

MAX_PAYLOAD_BYTES = 7_999
"""PostgreSQL refuses longer ones."""

# A transaction of its own: in the one that writes, NOTIFY would hold a lock of the whole database
# server across the fsync. Without writes it needs no fsync.
_NOTIFY = (
    f"SELECT pg_notify('{CHANNEL}', value) FROM jsonb_array_elements_text($1::jsonb)".encode()
)


class PostgresChannel:
    """
    Sends one statement at a time, and reads what arrives.

    Used in the event loop, on which it calls back; only :meth:`connect` awaits.

    Args:
        on_payload: Called for each notification on the channel, also those of this connection.
        on_sent: Called when what was sent is with the server, with the error if it was refused.
        on_lost: Called at most once, when the connection has failed.

    """

    def __init__(
        self,
        connection: "psycopg.AsyncConnection[Any]",
        *,
        on_payload: Callable[[bytes], None],
        on_sent: Callable[[psycopg.Error | None], None],
        on_lost: Callable[[psycopg.Error], None],
    ) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._pgconn.nonblocking = 1
        self._on_payload = on_payload
        self._on_sent = on_sent
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._socket = self._pgconn.socket
        self._loop.add_reader(self._socket, self._on_readable)
        self._refused: psycopg.Error | None = None
        self._closed = False
        self.is_sending = False
        """Whether a statement is on its way. :meth:`send` must wait for ``on_sent``."""

    @classmethod
    async def connect(cls, parameters: Mapping[str, Any], **callbacks: Any) -> Self:
        """
        Connect and listen. Safe to cancel.

        Args:
            parameters: libpq's.
            callbacks: See the class.

        Raises:
            psycopg.Error: If the server can't be reached or refuses.

        """
        connection = await psycopg.AsyncConnection.connect(**parameters, autocommit=True)
        try:
            await connection.execute(f"LISTEN {CHANNEL}")
            return cls(connection, **callbacks)
        except BaseException:  # also when it was cancelled
            await connection.close()
            raise

    def send(self, payloads: Sequence[bytes]) -> None:
        """Notify, in one transaction. Doesn't wait."""
        self.is_sending = True
        self._refused = None
        value = orjson.dumps([payload.decode() for payload in payloads])
        try:
            self._pgconn.send_query_params(_NOTIFY, [value])
        except psycopg.Error as exc:
            self._fail(exc)
        else:
            self._flush()

    async def close(self) -> None:
        """Close the connection. Idempotent; none of the callbacks is called any more."""
        self._stop()
        await self._connection.close()

    def _stop(self) -> None:
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)

    def _flush(self) -> None:
        """Write what libpq has not written yet, now or when the socket takes it."""
        try:
            if self._pgconn.flush():
                self._loop.add_writer(self._socket, self._flush)
            else:
                self._loop.remove_writer(self._socket)
        except psycopg.Error as exc:
            self._fail(exc)

    def _on_readable(self) -> None:
        try:
            self._pgconn.consume_input()
            self._take_results()
            while not self._closed and (found := self._pgconn.notifies()) is not None:
                self._on_payload(found.extra)
        except psycopg.Error as exc:
            self._fail(exc)

    def _take_results(self) -> None:
        while not self._pgconn.is_busy() and self.is_sending:
            result = self._pgconn.get_result()
            if result is None:
                self.is_sending = False
                self._on_sent(self._refused)
            elif result.status == pq.ExecStatus.FATAL_ERROR:
                self._refused = error_from_result(result)
        if self._pgconn.status == pq.ConnStatus.BAD:
            raise psycopg.OperationalError("the connection was lost")

    def _fail(self, exc: psycopg.Error) -> None:
        if not self._closed:
            self._stop()
            self._on_lost(exc)
