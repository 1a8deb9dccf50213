"""Threads with a connection to PostgreSQL each, and a deadline for every transaction in them."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from .database import OutcomeUnknown, T, Threads, Work
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
        self._name = name
        self._seconds = seconds
        self._new_session = partial(PostgresSession, *session, **options)
        self._threads = ThreadPool(count, name, self._close_in_thread)
        self._local = threading.local()
        self._running: dict[_Call, asyncio.Future[Any]] = {}
        # Each thread appends its own.
        self._sessions: list[PostgresSession] = []

    @property
    def load(self) -> Threads:
        """What the threads do now. Called in the event loop."""
        count, calls = self._threads.count, len(self._running)
        return Threads(
            self._name.removeprefix("parley-"),
            count,
            waiting=max(calls - count, 0),
            running=min(calls, count),
            connections=sum(session.is_connected for session in self._sessions),
        )

    async def run(self, transaction: _Transaction[T], work: Work[T]) -> T:
        """
        Run ``transaction(session, work)`` in one of the threads.

        Safe to cancel: the transaction is completed, or cut off when its time is over.

        Raises:
            TimeoutError: If its time was over. Whether it was committed is then unknown.

        """
        call = _Call()
        timer = None
        if self._seconds is not None:
            timer = asyncio.get_running_loop().call_later(self._seconds, call.cut)

        def end() -> None:
            del self._running[call]
            if timer is not None:
                timer.cancel()

        # No task: each turn of the loop until the caller goes on may be a slice of the fan-out.
        outcome = self._threads.start(
            partial(self._run_in_thread, transaction, call), work, self._end, on_end=end
        )
        self._running[call] = outcome
        return await outcome

    def interrupt(self) -> None:
        """
        Let whatever is running or waiting fail now, and :meth:`close` not wait for it.

        Called in the event loop. A thread that connects can't be interrupted; it is a daemon.
        """
        for call, outcome in self._running.items():
            call.cut()
            if not outcome.done():
                outcome.set_exception(TimeoutError("It was interrupted"))
        self._threads.abandon()

    def close(self) -> None:
        """Carry out what was called, and close the connections. Blocks until then."""
        self._threads.close()

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

    def _close_in_thread(self) -> None:
        session: PostgresSession | None = getattr(self._local, "session", None)
        if session is not None:
            session.close()


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
