"""
Read receipts that are not in the database yet.

Kept per user and room, and written with the committer's next batch, or after a second. A receipt
lost in a crash makes a few messages unread again.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from ...domain.ids import RoomId, UserId
from ...domain.limits import READ_MARKER_SECONDS
from ...store.read_markers import Mark

Receipts = dict[UserId, dict[RoomId, int]]

_NONE: Mapping[RoomId, int] = {}


class ReadReceiptBuffer:
    """
    Buffers read receipts for the committer. Used in the event loop only; never awaits.

    Database threads get copies, by :meth:`pending` and :meth:`take`.
    """

    def __init__(self, delay_seconds: float = READ_MARKER_SECONDS) -> None:
        self._delay_seconds = delay_seconds
        self._waiting: Receipts = {}
        # Being written now. Kept for `latest`, since readers may not see them yet.
        self._writing: Receipts = {}
        self._timer: asyncio.TimerHandle | None = None
        self._wake: Callable[[], None] | None = None
        self.due = False
        """Whether the receipts are worth a batch without appends."""

    def set_wake(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` when the receipts are ``due``."""
        self._wake = wake

    def move(self, room: RoomId, user: UserId, seq: int) -> None:
        """Record that ``user`` has read up to ``seq``. A lower ``seq`` than before is ignored."""
        rooms = self._waiting.setdefault(user, {})
        if seq > rooms.get(room, 0):
            rooms[room] = seq
            if self._timer is None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(self._delay_seconds, self.flush)

    def latest(self, room: RoomId, user: UserId, stored: int) -> int:
        """How far ``user`` has read; ``stored`` is what the database says."""
        waiting = self._waiting.get(user, _NONE).get(room, 0)
        return max(stored, waiting, self._writing.get(user, _NONE).get(room, 0))

    def pending(self, user: UserId) -> tuple[tuple[RoomId, int], ...]:
        """The unwritten receipts of ``user``: a copy, safe to pass to a database thread."""
        if user not in self._waiting and user not in self._writing:
            return ()
        pending = {**self._writing.get(user, _NONE), **self._waiting.get(user, _NONE)}
        return tuple((room, self.latest(room, user, 0)) for room in pending)

    def take(self) -> list[Mark]:
        """The receipts to write now: a copy, safe to pass to a database thread."""
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
        """Return receipts that could not be written; the next batch takes them."""
        for room, user, seq in marks:
            self.move(room, user, seq)

    def flush(self) -> None:
        """Make the receipts ``due`` at once."""
        if self._waiting:
            self.due = True
            if self._wake is not None:
                self._wake()
