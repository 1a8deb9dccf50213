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
Hear = Callable[[Notification], None]


class Broker(Protocol):
    """What carries doorbells. One per node."""

    async def open(self, hear: Hear) -> None:
        """Begin to listen: ``hear`` is called in the event loop for each bell of other nodes."""

    def ring(self, bell: Notification) -> None:
        """Tell other nodes. Never waits, never raises; may be lost."""

    async def close(self) -> None:
        """Stop listening."""


class Exchange:
    """What connects the memory brokers of nodes in one process."""

    def __init__(self) -> None:
        self.brokers: list[MemoryBroker] = []


class MemoryBroker:
    """
    The broker of a single node: nobody else is there to be told.

    Several on one :class:`Exchange` are nodes in one process, as tests have them.
    """

    def __init__(self, exchange: Exchange | None = None) -> None:
        self._exchange = exchange or Exchange()
        self._hear: Hear | None = None

    async def open(self, hear: Hear) -> None:
        """Begin to listen."""
        self._hear = hear
        self._exchange.brokers.append(self)

    def ring(self, bell: Notification) -> None:
        """Tell the others on the exchange."""
        for broker in self._exchange.brokers:
            if broker is not self and broker._hear is not None:
                broker._hear(bell)

    async def close(self) -> None:
        """Stop listening."""
        self._hear = None
        if self in self._exchange.brokers:
            self._exchange.brokers.remove(self)
