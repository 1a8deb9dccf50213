"""
Several nodes on one database: the notifications that this node sends and receives.

A notification is a hint, which may be lost: the feed reads the log, and revocations read the
log-in. The poller finds what a lost one would hide.
"""

from collections.abc import Callable, Sequence

from ..broker.base import (
    Broker,
    BrokerCounts,
    LogAdvanced,
    LookEverywhere,
    Notification,
    PresenceChanged,
    RoomSignal,
    UserSignal,
)
from ..domain.events import EventBatch, EventType
from ..domain.sessions import SessionsRevoked
from .feed import Feed
from .presence_exchange import PresenceExchange
from .remote_activity import RemoteActivity
from .remote_signals import RemoteSignals
from .revocations import Revocations

_CHANGES_MEMBERS = frozenset(
    {EventType.ROOM_CREATED, EventType.MEMBER_JOINED, EventType.MEMBER_LEFT}
)


class Cluster:
    """
    Connects the broker to the parts of this node.

    Used in the event loop. No method awaits or raises.

    Args:
        presence_exchange: None: no other node has users.
        look_everywhere: Called when notifications of others may have been lost.

    """

    def __init__(
        self,
        broker: Broker,
        *,
        feed: Feed,
        remote_activity: RemoteActivity,
        remote_signals: RemoteSignals,
        revocations: Revocations,
        presence_exchange: PresenceExchange | None,
        look_everywhere: Callable[[], None],
    ) -> None:
        self._broker = broker
        self._feed = feed
        self._remote_activity = remote_activity
        self._remote_signals = remote_signals
        self._revocations = revocations
        self._presence_exchange = presence_exchange
        self._look_everywhere = look_everywhere

    @property
    def broker_fault(self) -> str | None:
        """See :attr:`app.broker.base.Broker.fault`."""
        return self._broker.fault

    @property
    def broker_counts(self) -> BrokerCounts:
        """See :attr:`app.broker.base.Broker.counts`."""
        return self._broker.counts

    # From this node to others

    def on_committed(self, batches: Sequence[EventBatch]) -> None:
        """Notify other nodes of how far the logs reach."""
        for batch in batches:
            changes_members = batch.has_any(_CHANGES_MEMBERS)
            self._broker.notify(LogAdvanced(batch.room, batch.last, batch.first, changes_members))

    def on_sessions_revoked(self, revoked: SessionsRevoked) -> None:
        """Notify other nodes of log-ins that have ended."""
        self._broker.notify(revoked)

    def on_epoch_changed(self, _: None) -> None:
        """Have other nodes poll at once, which finds the new epoch."""
        self._broker.notify(LookEverywhere())

    # From others to this node

    def on_notification(self, notification: Notification) -> None:
        """Take a notification of another node."""
        if isinstance(notification, LogAdvanced):
            self._feed.on_head(notification.room, notification.head)
            self._remote_activity.on_advanced(notification)
        elif isinstance(notification, RoomSignal):
            self._remote_signals.on_signal(notification)
        elif isinstance(notification, UserSignal):
            self._remote_signals.on_user_signal(notification)
        elif isinstance(notification, SessionsRevoked):
            self._revocations.on_revoked_elsewhere(notification)
        elif isinstance(notification, PresenceChanged):
            if self._presence_exchange is not None:
                self._presence_exchange.on_changed_elsewhere(notification)
        else:
            self._look_everywhere()
            if self._presence_exchange is not None:
                self._presence_exchange.compare_all()
