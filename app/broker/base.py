"""
Hints between nodes: "the log of this room has grown", "this log-in has ended".

The database is the truth. A hint only says where to look, so that a broker may lose, repeat,
delay and reorder what it carries; what a lost hint would hide, the poller finds.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from ..domain.ids import RoomId
from ..domain.sessions import SessionsRevoked


class LogAdvanced(NamedTuple):
    """The log of ``room`` reaches at least to ``head``."""

    room: RoomId
    head: int


Notification = LogAdvanced | SessionsRevoked
OnNotification = Callable[[Notification], None]


class Broker(Protocol):
    """
    What carries hints to the other nodes. One per node; used in the event loop.

    A node does not get its own notifications.
    """

    async def open(self, on_notification: OnNotification) -> None:
        """
        Begin to listen.

        Args:
            on_notification: Called in the event loop for each notification of another node.
                Must neither wait nor raise.

        """

    def notify(self, notification: Notification) -> None:
        """Send a hint to the other nodes. Never waits, never raises; it may be lost."""

    async def close(self) -> None:
        """Stop listening: ``on_notification`` is not called any more. Idempotent."""
