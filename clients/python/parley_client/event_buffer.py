"""Events of one room that the application has not handled yet, and the cursor before them."""

from collections import deque

from .cursors import Cursor, SavedCursor
from .events import Event, RoomEvent


class EventBuffer:
    """
    Events in the order in which they came.

    The event that :meth:`take` returns counts as handled, and moves the cursor, when
    :meth:`mark_handled` is called.

    Args:
        saved: Where the cursor is kept.
        since: Where to begin; None: at the cursor that was saved.

    """

    def __init__(self, saved: SavedCursor, since: int | Cursor | None) -> None:
        self.cursor = Cursor(since, "") if isinstance(since, int) else since or saved.load()
        """The last event that was handled; None: none yet."""
        self._saved = saved
        # Each with the history that it belongs to.
        self._events: deque[tuple[RoomEvent, str]] = deque()
        self._taken: tuple[RoomEvent, str] | None = None

    def __len__(self) -> int:
        return len(self._events)

    @property
    def is_handled(self) -> bool:
        """Whether the application has handled all that came."""
        return not self._events and self._taken is None

    def put(self, event: RoomEvent, epoch: str) -> None:
        """Append an event of the history that ``epoch`` names."""
        self._events.append((event, epoch))

    def take(self) -> RoomEvent:
        """
        Remove the first event.

        Raises:
            IndexError: If there is none.

        """
        self._taken = self._events.popleft()
        return self._taken[0]

    def mark_handled(self) -> bool:
        """Move the cursor behind the event that was taken last. Returns whether there was one."""
        if self._taken is None:
            return False
        (event, epoch), self._taken = self._taken, None
        if isinstance(event, Event):
            self.cursor = Cursor(event.seq, epoch)
        else:
            self.cursor = Cursor(event.first - 1, epoch) if event.reason == "gone" else None
        return True

    def save(self, *, at_once: bool) -> None:
        """Save the cursor, if it has changed; unless ``at_once``, not if it was just saved."""
        self._saved.save(self.cursor, at_once=at_once)

    def clear(self) -> None:
        """Drop what was not taken."""
        self._events.clear()
