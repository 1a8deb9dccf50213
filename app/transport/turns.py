"""
Limits work that peers can cause without end: a bounded amount at a time, and peers take turns.

Used for handshakes, of which one address may send thousands at once, and for HTTP requests that
were sent before the previous one was answered.
"""

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Hashable


class Turns:
    """
    Runs callbacks in the order of :meth:`put`, except that keys take turns.

    Args:
        at_once: How many may run...
        every: ...in so many seconds; 0: in one turn of the event loop.

    """

    __slots__ = ("_at_once", "_every", "_left", "_loop", "_planned", "_waiting")

    def __init__(self, loop: AbstractEventLoop, at_once: int, every: float) -> None:
        self._loop = loop
        self._at_once = at_once
        self._every = every
        self._left = at_once
        self._planned = False
        # By key; the first key is the next whose turn it is.
        self._waiting: dict[Hashable, deque[Callable[[], None]]] = {}

    def put(self, key: Hashable, callback: Callable[[], None]) -> bool:
        """
        Run ``callback``, now or in its turn.

        Returns:
            Whether it was run.

        """
        self._plan()
        if self._left and not self._waiting:
            self._left -= 1
            callback()
            return True
        self._waiting.setdefault(key, deque()).append(callback)
        return False

    def _plan(self) -> None:
        if not self._planned:
            self._planned = True
            if self._every:
                self._loop.call_later(self._every, self._turn)
            else:
                self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._planned = False
        self._left = self._at_once
        try:
            while self._waiting and self._left:
                self._left -= 1
                key = next(iter(self._waiting))
                queue = self._waiting.pop(key)
                callback = queue.popleft()
                if queue:
                    self._waiting[key] = queue
                callback()
        finally:
            # Also if a callback has raised: the others still get their turn.
            if self._left < self._at_once:
                # Callbacks that ``put`` runs at once before the next turn share this turn's limit.
                self._plan()
