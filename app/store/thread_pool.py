"""
A thread pool for an event loop.

Costs half of ``loop.run_in_executor``, which makes a ``concurrent.futures.Future`` per call, to
lock and to chain to asyncio's (``python -m bench.fast_paths``).
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

A = TypeVar("A")
T = TypeVar("T")


class ThreadPool:
    """
    A fixed number of threads, and one queue of calls. The threads start at once.

    Args:
        at_end: Called in each thread when it ends. It must not raise.

    """

    def __init__(self, count: int, name: str, at_end: Callable[[], None] = lambda: None) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self.count = count
        """How many threads there are."""
        self._at_end = at_end
        # Released by each thread that ends, and by abandon().
        self._ended = threading.Semaphore(0)
        self._threads = [
            # Daemons, so that a database that was not closed doesn't keep the process alive.
            threading.Thread(
                target=self._take_calls_in_thread, name=f"{name}-{number}", daemon=True
            )
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """How many calls wait for a thread, about."""
        return self._queue.qsize()

    async def run(
        self,
        call: Callable[[A], T],
        argument: A,
        after: Callable[[], None] | None = None,
        *,
        start_within: float | None = None,
    ) -> T:
        """
        Run ``call(argument)`` in one of the threads; return or raise what it does.

        ``after`` follows in the same thread, and the caller doesn't wait for it. It must not
        raise.

        Calls start in the order in which they were made. May be used from several event loops.
        After :meth:`close` this never returns.

        Safe to cancel: the call is still carried out, and its result dropped.

        Raises:
            TimeoutError: If it has not started ``start_within`` seconds from now; it never will.

        """
        if start_within is None:
            return await self.start(call, argument, after)
        # The thread or the caller takes it, and so decides whether the call is run or given up.
        decision = [None]
        future = self.start(call, argument, after, is_wanted=lambda: _take(decision))

        def give_up() -> None:
            if _take(decision):
                _set_exception(future, TimeoutError())

        timer = asyncio.get_running_loop().call_later(start_within, give_up)
        try:
            return await future
        finally:
            timer.cancel()

    def start(
        self,
        call: Callable[[A], T],
        argument: A,
        after: Callable[[], None] | None = None,
        *,
        is_wanted: Callable[[], bool] | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> "asyncio.Future[T]":
        """
        Like :meth:`run`, but return at once, with the future of the result.

        Args:
            is_wanted: Called in the thread; if it returns False, nothing is run, and the future
                is the caller's.
            on_end: Called in the event loop when the call has ended, before the future has its
                result, and also if the future was cancelled.

        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def call_in_thread() -> None:
            if is_wanted is not None and not is_wanted():
                return
            try:
                outcome = partial(_set_result, future, call(argument))
            except BaseException as exc:  # any exception belongs to the caller
                outcome = partial(_set_exception, future, exc)
            if on_end is not None:
                outcome = partial(_end, on_end, outcome)
            with suppress(RuntimeError):  # the loop is closed: no caller is left
                loop.call_soon_threadsafe(outcome)
            if after is not None:
                after()

        self._queue.put(call_in_thread)
        return future

    def close(self) -> None:
        """Carry out the calls in the queue, and end the threads. Blocks until then."""
        for _ in self._threads:
            self._queue.put(None)
        for _ in self._threads:
            self._ended.acquire()

    def abandon(self) -> None:
        """Let :meth:`close` not wait for the threads. May be called while it does."""
        self._ended.release(len(self._threads))

    def _take_calls_in_thread(self) -> None:
        while (call := self._queue.get()) is not None:
            call()
        self._at_end()
        self._ended.release()


def _take(decision: list[None]) -> bool:
    """Whether this is the first call, from any thread."""
    try:
        decision.pop()
    except IndexError:
        return False
    return True


def _end(on_end: Callable[[], None], outcome: Callable[[], None]) -> None:
    on_end()
    outcome()


def _set_result(future: "asyncio.Future[Any]", result: object) -> None:
    if not future.done():
        future.set_result(result)


def _set_exception(future: "asyncio.Future[Any]", exc: BaseException) -> None:
    if not future.done():
        future.set_exception(exc)
