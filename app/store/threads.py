"""
Threads that carry out functions for an event loop.

What an executor does for this, at half the price: it makes a future of its own, to lock and
to chain (``python -m bench.fast_paths``).
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


class Threads:
    """A few threads, and a queue in front of them."""

    def __init__(self, count: int, name: str) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = [
            # Daemons: a database that nobody closed must not keep the process.
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, call: Callable[[A], T], argument: A) -> T:
        """
        What ``call(argument)`` returns or raises, in one of the threads, in order of arrival.

        Safe to cancel: the call is then carried out unseen.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            try:
                outcome = partial(_settle, future, call(argument))
            except BaseException as exc:  # whatever it is, it is for the one who waits
                outcome = partial(_fail, future, exc)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(outcome)

        self._queue.put(job)
        return await future

    def close(self) -> None:
        """Carry out what is queued, and end the threads. Blocks."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            job()


def _settle(future: "asyncio.Future[Any]", result: object) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: "asyncio.Future[Any]", exc: BaseException) -> None:
    if not future.done():
        future.set_exception(exc)
