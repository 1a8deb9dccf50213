"""
Read receipts that are on their way to the database.

They are kept per user and room and written with the next batch, or after a second. Losing one in
a crash makes a few messages unread again.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from ...domain.ids import RoomId, UserId
from ...domain.limits import READ_MARKER_SECONDS
from ...store.read_markers import Mark

Receipts = dict[UserId, dict[RoomId, int]]

_NONE: Mapping[RoomId, int] = {}


class ReadReceiptBuffer:
    """What was read and is not written yet. Used in the event loop only."""

    def __init__(self, delay_seconds: float = READ_MARKER_SECONDS) -> None:
        self._delay_seconds = delay_seconds
        self._waiting: Receipts = {}
        # Of the batch that is being written.
        self._writing: Receipts = {}
        self._timer: asyncio.TimerHandle | None = None
        self._wake: Callable[[], None] | None = None
        self.due = False
        """Whether a batch should be made for the receipts alone."""

    def wake_by(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` when receipts have waited long enough for a batch."""
        self._wake = wake

    def move(self, room: RoomId, user: UserId, seq: int) -> None:
        """``user`` has read up to ``seq``. Never moves back."""
        rooms = self._waiting.setdefault(user, {})
        if seq > rooms.get(room, 0):
            rooms[room] = seq
            if self._timer is None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(self._delay_seconds, self.flush)

    def latest(self, room: RoomId, user: UserId, stored: int) -> int:
        """How far ``user`` has read, given what the database says."""
        waiting = self._waiting.get(user, _NONE).get(room, 0)
        return max(stored, waiting, self._writing.get(user, _NONE).get(room, 0))

    def pending(self, user: UserId) -> tuple[tuple[RoomId, int], ...]:
        """The receipts of ``user`` that are not written: a copy, for a database thread."""
        if user not in self._waiting and user not in self._writing:
            return ()
        pending = {**self._writing.get(user, _NONE), **self._waiting.get(user, _NONE)}
        return tuple((room, self.latest(room, user, 0)) for room in pending)

    def take(self) -> list[Mark]:
        """The receipts to write now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.due = False
        self._writing, self._waiting = self._waiting, {}
        return [
            (room, user, seq)
            for user, rooms in self._writing.items()
            for room, seq in rooms.items()
        ]

    def put_back(self, marks: Iterable[Mark]) -> None:
        """Keep receipts that could not be written for another batch."""
        for room, user, seq in marks:
            self.move(room, user, seq)

    def flush(self) -> None:
        """Have the receipts written without more delay."""
        if self._waiting:
            self.due = True
            if self._wake is not None:
                self._wake()
