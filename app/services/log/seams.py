"""
What services announce after a commit, and the parts above them listen to.

Services know no listener: the search index, the live feed and other nodes connect here when they
are opened.
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
    """One kind of announcement. Used in the event loop; never awaits."""

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: tuple[Callable[[T], None], ...] = ()

    @contextmanager
    def connected(self, listener: Callable[[T], None]) -> Iterator[None]:
        """Call ``listener`` for each announcement inside the block, after those before it."""
        self._listeners += (listener,)
        try:
            yield
        finally:
            self._listeners = tuple(one for one in self._listeners if one is not listener)

    def announce(self, what: T) -> None:
        """
        Call the listeners, in the order in which they were connected.

        Raises:
            Exception: What a listener raises; those after it are not called.

        """
        for listener in self._listeners:
            listener(what)


class LogTrimmed(NamedTuple):
    """Retention has removed the events of ``room`` before ``first``."""

    room: RoomId
    first: int


@dataclass(frozen=True, slots=True)
class Seams:
    """The announcements of one server. Without listeners, as in a command, they go nowhere."""

    on_committed: Seam[Sequence[EventBatch]] = field(default_factory=Seam)
    """Events are on disk."""
    on_sessions_revoked: Seam[SessionsRevoked] = field(default_factory=Seam)
    """Log-ins have ended on disk; their connections are still open."""
    on_names_changed: Seam[None] = field(default_factory=Seam)
    """An account was erased: its name is gone from what was written before."""
    on_log_trimmed: Seam[LogTrimmed] = field(default_factory=Seam)
    """The oldest events of a room are gone."""
