"""Calls from a thread of a database into the event loop, in the midst of a transaction."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from ..domain.errors import Unavailable
from .database import T
from .errors import StoreError

# How often a thread that waits looks whether there is still something to wait for.
_LOOK_SECONDS = 0.1


class LoopCalls:
    """What one task lets its threads call. Made in the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._is_over = False
        self._deadline: float | None = None
        self._too_late = ""

    def end(self) -> None:
        """Let every call that is running or made later raise ``Unavailable``."""
        self._is_over = True

    def limit(self, seconds: float, too_late: str) -> None:
        """Let calls raise a :class:`StoreError` with this text so many seconds from now."""
        self._deadline, self._too_late = time.monotonic() + seconds, too_late

    def __call__(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop, and wait for it. Called in a thread of a database."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        while not self._is_over:
            try:
                return future.result(_LOOK_SECONDS)
            except TimeoutError:
                if future.done():
                    raise
                if self._deadline is not None and time.monotonic() > self._deadline:
                    future.cancel()
                    raise StoreError(self._too_late) from None
        future.cancel()
        raise Unavailable
