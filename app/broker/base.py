"""
Doorbells between nodes: "the log of this room reaches that far", "this log-in has ended".

The database is the truth, so a broker may lose, repeat and reorder what it carries.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from app.domain.ids import RoomId, SessionId, UserId


class LogAdvanced(NamedTuple):
    """The log of ``room`` reaches at least to ``head``."""

    room: RoomId
    head: int


class SessionsRevoked(NamedTuple):
    """A log-in of ``user`` has ended; ``session`` None: all of them."""

    user: UserId
    session: SessionId | None


Notification = LogAdvanced | SessionsRevoked
OnNotification = Callable[[Notification], None]


class Broker(Protocol):
    """What carries doorbells. One per node."""

    async def open(self, on_notification: OnNotification) -> None:
        """Begin to listen: ``hear`` is called in the event loop for each bell of other nodes."""

    def notify(self, notification: Notification) -> None:
        """Tell other nodes. Never waits, never raises; may be lost."""

    async def close(self) -> None:
        """Stop listening."""


class MemoryBus:
    """What connects the memory brokers of nodes in one process."""

    def __init__(self) -> None:
        self.brokers: list[MemoryBroker] = []


class MemoryBroker:
    """
    The broker of a single node: nobody else is there to be told.

    Several on one :class:`MemoryBus` are nodes in one process, as tests have them.
    """

    def __init__(self, bus: MemoryBus | None = None) -> None:
        self._bus = bus or MemoryBus()
        self._on_notification: OnNotification | None = None

    async def open(self, on_notification: OnNotification) -> None:
        """Begin to listen."""
        self._on_notification = on_notification
        self._bus.brokers.append(self)

    def notify(self, notification: Notification) -> None:
        """Tell the others on the exchange."""
        for broker in self._bus.brokers:
            if broker is not self and broker._on_notification is not None:
                broker._on_notification(notification)

    async def close(self) -> None:
        """Stop listening."""
        self._on_notification = None
        if self in self._bus.brokers:
            self._bus.brokers.remove(self)
