"""
Read markers that are on their way to the database.

They are kept per (room, user) and written with the next batch, or after a second. Losing one
in a crash makes a few messages unread again.
"""

import asyncio
from collections.abc import Callable, Iterable

from app.domain.ids import RoomId, UserId
from app.domain.limits import READ_MARKER_SECONDS
from app.store.read_markers import Mark


class ReadReceiptBuffer:
    """What was read and not yet written."""

    def __init__(self) -> None:
        self._marks: dict[tuple[RoomId, UserId], int] = {}
        self._writing: dict[tuple[RoomId, UserId], int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._wake: Callable[[], None] | None = None
        self.due = False
        """Whether a batch should be made for the markers alone."""

    def wake_by(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` when markers have waited long enough for a batch."""
        self._wake = wake

    def move(self, room: RoomId, user: UserId, seq: int) -> None:
        """``user`` has read up to ``seq``. Needs a running event loop."""
        if seq > self._marks.get((room, user), 0):
            self._marks[room, user] = seq
            if self._timer is None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(READ_MARKER_SECONDS, self.flush)

    def latest(self, room: RoomId, user: UserId, stored: int) -> int:
        """How far ``user`` has read, given what the database says."""
        key = (room, user)
        return max(stored, self._marks.get(key, 0), self._writing.get(key, 0))

    def take(self) -> list[Mark]:
        """The markers to write now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.due = False
        self._writing, self._marks = self._marks, {}
        return [(room, user, seq) for (room, user), seq in self._writing.items()]

    def put_back(self, marks: Iterable[Mark]) -> None:
        """They could not be written: keep them for another batch."""
        for room, user, seq in marks:
            self.move(room, user, seq)

    def flush(self) -> None:
        """What is here is to be written without more delay."""
        if self._marks:
            self.due = True
            if self._wake is not None:
                self._wake()
