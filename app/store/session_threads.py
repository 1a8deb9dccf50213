"""Threads with a connection to PostgreSQL each, and a deadline for every transaction in them."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from .database import OutcomeUnknown, T, Work
from .postgres_session import PostgresSession
from .thread_pool import ThreadPool

_Transaction = Callable[[PostgresSession, Work[T]], T]


class SessionThreads:
    """
    A number of threads, with a session each that opens its connection when it is first used.

    Args:
        name: Of the threads.
        count: How many threads.
        seconds: How long a transaction may take, its turn in the queue included. None: any time.
        session: Arguments of :class:`~app.store.postgres_session.PostgresSession`.

    """

    def __init__(
        self, name: str, count: int, seconds: float | None, *session: Any, **options: Any
    ) -> None:
        self._seconds = seconds
        self._new_session = partial(PostgresSession, *session, **options)
        self._threads = ThreadPool(count, name)
        self._local = threading.local()
        self._sessions: list[PostgresSession] = []
        self._running: set[_Call] = set()

    async def run(self, transaction: _Transaction[T], work: Work[T]) -> T:
        """
        Run ``transaction(session, work)`` in one of the threads.

        Safe to cancel: the transaction is completed, or cut off when its time is over.

        Raises:
            TimeoutError: If its time was over. Whether it was committed is then unknown.

        """
        call = _Call()
        self._running.add(call)
        timer = None
        if self._seconds is not None:
            timer = asyncio.get_running_loop().call_later(self._seconds, call.cut)
        running = asyncio.ensure_future(
            self._threads.run(partial(self._run_in_thread, transaction, call), work, self._end)
        )

        def end(_: object) -> None:
            self._running.discard(call)
            if timer is not None:
                timer.cancel()
            if not running.cancelled():
                # Mark it as retrieved: the caller may have gone.
                running.exception()

        running.add_done_callback(end)
        return await asyncio.shield(running)

    def cut(self) -> None:
        """Cut off what is running or waiting. Called in the event loop."""
        for call in list(self._running):
            call.cut()

    def close(self) -> None:
        """Carry out what was called, and close the connections. Blocks until then."""
        self._threads.close()
        for session in self._sessions:
            session.close()

    def _run_in_thread(self, transaction: _Transaction[T], call: "_Call", work: Work[T]) -> T:
        session: PostgresSession | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = self._new_session()
            self._sessions.append(session)
        call.begin(session)
        try:
            return transaction(session, work)
        except OutcomeUnknown:
            raise
        except Exception as exc:
            if call.is_cut:
                raise TimeoutError("It took too long") from exc
            raise
        finally:
            call.end()

    def _end(self) -> None:
        """End a read, after its result is on its way."""
        self._local.session.end_read()


class _Call:
    """A transaction that is running or waits for its turn. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session: PostgresSession | None = None
        self.is_cut = False

    def begin(self, session: PostgresSession) -> None:
        """It is its turn. Raises TimeoutError if its time is over already."""
        with self._lock:
            if self.is_cut:
                raise TimeoutError("It waited too long for its turn")
            self._session = session

    def end(self) -> None:
        with self._lock:
            self._session = None

    def cut(self) -> None:
        """Let it fail now."""
        with self._lock:
            self.is_cut = True
            if self._session is not None:
                self._session.cut()
