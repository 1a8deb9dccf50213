"""
The contract of brokers: notifications that a room's log has grown or a log-in has ended.

The database is the truth. A notification only says where to look, so a broker may lose, repeat,
delay and reorder them: the poller finds what a lost one would hide.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ..domain.ids import RoomId, UserId
from ..domain.sessions import SessionsRevoked

CONNECTING = "connecting"
"""A broker's fault: it has not been reached since the start."""

DEAF = "deaf"
"""A broker's fault: a node doesn't hear its own notifications, and depends on the poller."""


class LogAdvanced(NamedTuple):
    """The log of ``room`` reaches at least to ``head``."""

    room: RoomId
    head: int
    first: int | None = None
    """Seq of the first of the events that are new; None: unknown."""
    changes_members: bool = False
    """Whether a user has come or gone with one of them: then more than the room's listeners are
    to know."""

    def merged_with(self, other: "LogAdvanced") -> "LogAdvanced":
        """One notification for two of the same room, in any order."""
        firsts = [one for one in (self.first, other.first) if one is not None]
        return LogAdvanced(
            self.room,
            max(self.head, other.head),
            min(firsts, default=None),
            self.changes_members or other.changes_members,
        )


class RoomSignal(NamedTuple):
    """A signal about ``user`` for the subscribers of ``room``, except whom a block separates."""

    room: RoomId
    user: UserId
    payload: str
    """The finished JSON of a frame."""


class UserSignal(NamedTuple):
    """A signal for the connections of ``user``."""

    user: UserId
    payload: str
    """The finished JSON of a frame."""


class PresenceChanged(NamedTuple):
    """What ``node`` says of who is present on it has changed: see :mod:`app.broker.presence`."""

    node: str
    version: int
    rooms: tuple[RoomId, ...]
    """In which rooms, since the version before; empty: look at all."""


@dataclass(frozen=True, slots=True)
class LookEverywhere:
    """Notifications were lost, or were too many to carry: compare everything with the database."""


Notification = (
    LogAdvanced | SessionsRevoked | RoomSignal | UserSignal | PresenceChanged | LookEverywhere
)
OnNotification = Callable[[Notification], None]


@dataclass(frozen=True, slots=True)
class BrokerCounts:
    """What a broker has counted since the start."""

    received: int = 0
    """Notifications of other nodes."""
    ignored: int = 0
    """Messages and hints that were not understood: of other versions, or foreign."""
    went_deaf: int = 0
    """How often this node stopped hearing itself."""
    lag_seconds: float | None = None
    """How long the last probe took to come back to this node; None: none has, or is sent."""


class Broker(Protocol):
    """
    Carries notifications to the other nodes. One per node; used in the event loop.

    A node doesn't receive its own notifications, except :class:`LookEverywhere`, which a broker
    gives to its own node too when it may have missed some.
    """

    @property
    def fault(self) -> str | None:
        """None while it works; :data:`CONNECTING` or :data:`DEAF`."""

    @property
    def counts(self) -> BrokerCounts:
        """What it has counted since the start."""

    async def open(self, on_notification: OnNotification) -> None:
        """
        Start receiving. Doesn't wait for a connection.

        Args:
            on_notification: Called in the event loop for each notification of another node.
                Never awaits, never raises.

        """

    def notify(self, notification: Notification) -> None:
        """Notify the other nodes. Never awaits, never raises; may be called before ``open``."""

    async def close(self) -> None:
        """
        Stop receiving at once: ``on_notification`` is not called any more. Idempotent.

        What was notified before is sent, but not waited for longer than
        :data:`~app.domain.limits.BROKER_CLOSE_SECONDS`.
        """
