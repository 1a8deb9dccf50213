"""
Any number of deadlines on one timer of the event loop.

Each connection has two that are hardly ever reached, and a timer of uvloop takes 700 bytes.
"""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Final

# A crowd that connected at once is pinged at once: what else happens comes in between.
_DEADLINES_PER_TURN: Final = 100
# Fewer cancelled deadlines than this stay until they are due.
_MAX_CANCELLED: Final = 100


class Deadline:
    """A planned call."""

    __slots__ = ("_callback", "_timer", "_when")

    def __init__(self, timer: "SharedTimer", when: float, callback: Callable[[], None]) -> None:
        self._timer = timer
        self._when = when
        self._callback: Callable[[], None] | None = callback

    def __lt__(self, other: "Deadline") -> bool:
        return self._when < other._when

    def when(self) -> float:
        """The time of the call, by the event loop's clock."""
        return self._when

    def cancel(self) -> None:
        """Call nothing. Idempotent; keeps nothing of the callback alive."""
        if self._callback is not None:
            self._callback = None
            self._timer._on_cancelled()

    def _take(self) -> Callable[[], None] | None:
        callback, self._callback = self._callback, None
        return callback


class SharedTimer:
    """
    Calls back at deadlines, as an event loop does. Used in the event loop; never awaits.

    Callbacks must not raise: what one raises goes to the loop's exception handler.
    """

    __slots__ = ("_alarm", "_cancelled", "_loop", "_waiting")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[Deadline] = []
        """A heap. Cancelled deadlines stay in it for a while."""
        self._cancelled = 0
        self._alarm: TimerHandle | None = None

    def time(self) -> float:
        """The time by the event loop's clock, in seconds."""
        return self._loop.time()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Deadline:
        """Call back in so many seconds."""
        return self.call_at(self._loop.time() + seconds, callback)

    def call_at(self, when: float, callback: Callable[[], None]) -> Deadline:
        """Call back at this time of the event loop's clock."""
        deadline = Deadline(self, when, callback)
        heappush(self._waiting, deadline)
        if self._waiting[0] is deadline:
            self._set_alarm()
        return deadline

    def _on_cancelled(self) -> None:
        self._cancelled += 1
        if self._cancelled > _MAX_CANCELLED and 2 * self._cancelled > len(self._waiting):
            self._waiting = [each for each in self._waiting if each._callback is not None]
            heapify(self._waiting)
            self._cancelled = 0
            self._set_alarm()

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._waiting:
            self._alarm = self._loop.call_at(self._waiting[0].when(), self._on_alarm)

    def _on_alarm(self) -> None:
        self._alarm = None
        now = self._loop.time()
        called = 0
        while self._waiting and self._waiting[0].when() <= now and called < _DEADLINES_PER_TURN:
            callback = heappop(self._waiting)._take()
            if callback is None:
                self._cancelled -= 1
                continue
            called += 1
            try:
                callback()
            except Exception as exc:  # the others' deadlines count, too
                self._loop.call_exception_handler(
                    {"message": "A callback at a deadline failed.", "exception": exc}
                )
        # One that is due already is called in a later turn.
        self._set_alarm()
