"""
Announcements that services make after a commit, for the layers above to subscribe to.

Services don't know their listeners: the search index, the live feed and the notifications to
other nodes connect here when they are opened.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from ...domain.events import EventBatch
from ...domain.ids import RoomId
from ...domain.sessions import SessionsRevoked

T = TypeVar("T")


class Seam(Generic[T]):
    """
    One kind of announcement, delivered by plain calls.

    Used in the event loop; never awaits. When :meth:`announce` has returned, every listener has
    returned.
    """

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: tuple[Callable[[T], None], ...] = ()

    @contextmanager
    def connected(self, listener: Callable[[T], None]) -> Iterator[None]:
        """Call ``listener`` for each announcement inside the block, after earlier listeners."""
        self._listeners += (listener,)
        try:
            yield
        finally:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

    def announce(self, announcement: T) -> None:
        """
        Call the listeners, in the order in which they were connected.

        Raises:
            Exception: What a listener raises; the listeners after it are not called.

        """
        for listener in self._listeners:
            listener(announcement)


class LogTrimmed(NamedTuple):
    """Retention has removed the events of ``room`` before ``first``."""

    room: RoomId
    first: int


@dataclass(frozen=True, slots=True)
class Seams:
    """The announcements of one server. In a command, nothing listens to them."""

    on_committed: Seam[Sequence[EventBatch]] = field(default_factory=Seam)
    """Events are on disk; one event batch per room."""
    on_sessions_revoked: Seam[SessionsRevoked] = field(default_factory=Seam)
    """Log-ins have ended on disk. Their connections are still open: listeners close them."""
    on_names_changed: Seam[None] = field(default_factory=Seam)
    """An account was erased: texts that were read before may still show its old name."""
    on_log_trimmed: Seam[LogTrimmed] = field(default_factory=Seam)
    """The oldest events of a room were removed."""
    on_epoch_changed: Seam[None] = field(default_factory=Seam)
    """This node has started a new epoch. It is on disk, and is the present one of this node."""
