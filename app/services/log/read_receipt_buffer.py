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

Receipts = dict[UserId, dict[RoomId, Mark]]

_NONE: Mapping[RoomId, Mark] = {}


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

    def move(self, room: RoomId, user: UserId, seq: int, *, moves: int = 0) -> None:
        """
        Record that ``user`` has read up to ``seq``. A lower ``seq`` than before is ignored.

        Args:
            moves: How often the user had placed the marker, as :attr:`RoomView.read_moves` says.

        """
        self._add(Mark(room, user, seq, moves, seq))

    def latest(self, room: RoomId, user: UserId) -> Mark:
        """How far ``user`` has read of late; 0 if nothing is waiting or being written."""
        waiting = self._waiting.get(user, _NONE).get(room)
        writing = self._writing.get(user, _NONE).get(room)
        if waiting is None or writing is None:
            return waiting or writing or Mark(room, user)
        return waiting.merged_with(writing)

    def pending(self, user: UserId) -> tuple[Mark, ...]:
        """The unwritten receipts of ``user``: a copy, safe to pass to a database thread."""
        if user not in self._waiting and user not in self._writing:
            return ()
        pending = {**self._writing.get(user, _NONE), **self._waiting.get(user, _NONE)}
        return tuple(self.latest(room, user) for room in pending)

    def take(self) -> list[Mark]:
        """The receipts to write now: a copy, safe to pass to a database thread."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.due = False
        self._writing, self._waiting = self._waiting, {}
        return [mark for rooms in self._writing.values() for mark in rooms.values()]

    def put_back(self, marks: Iterable[Mark]) -> None:
        """Return receipts that could not be written; the next batch takes them."""
        for mark in marks:
            self._add(mark)

    def flush(self) -> None:
        """Make the receipts ``due`` at once."""
        if self._waiting:
            self.due = True
            if self._wake is not None:
                self._wake()

    def _add(self, mark: Mark) -> None:
        rooms = self._waiting.setdefault(mark.user, {})
        old = rooms.get(mark.room, Mark(mark.room, mark.user))
        merged = old.merged_with(mark)
        if merged != old:
            rooms[mark.room] = merged
            if self._timer is None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(self._delay_seconds, self.flush)
