"""Coalesces equal requests: while one is in flight, others wait for its result."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """
    Runs one call per key at a time, and a bounded number of calls at once.

    Used in the event loop.

    Args:
        max_running: Calls that run at once; further ones wait for their turn.

    """

    def __init__(self, max_running: int) -> None:
        self._turns = asyncio.Semaphore(max_running)
        self._flights: dict[Hashable, asyncio.Task[T]] = {}

    async def do(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        """
        Return the result of the call in flight for ``key``, or of ``call``.

        Safe to cancel: the call goes on for the others that wait for it. If it raises, so does
        this, for every caller.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(self._run(call))
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        return await asyncio.shield(flight)

    async def _run(self, call: Callable[[], Awaitable[T]]) -> T:
        async with self._turns:
            return await call()
