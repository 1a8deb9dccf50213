"""
Several nodes on one database: the notifications that this node sends and receives.

A notification is a hint, which may be lost: the feed reads the log, and revocations read the
log-in. The poller finds what a lost one would hide.
"""

from collections.abc import Sequence

from ..broker.base import Broker, LogAdvanced, Notification
from ..domain.events import EventBatch
from ..domain.sessions import SessionsRevoked
from ..services.log.seams import Seams
from ..store.polling import Revocation
from .feed import Feed
from .revocations import Revocations


class Cluster:
    """
    Connects the broker and the poller to the parts of this node.

    Used in the event loop. No method awaits or raises.
    """

    def __init__(
        self, broker: Broker, *, feed: Feed, revocations: Revocations, seams: Seams
    ) -> None:
        self._broker = broker
        self._feed = feed
        self._revocations = revocations
        self._seams = seams

    # From this node to others

    def on_committed(self, batches: Sequence[EventBatch]) -> None:
        """Notify other nodes of how far the logs reach."""
        for batch in batches:
            self._broker.notify(LogAdvanced(batch.room, batch.last))

    def on_sessions_revoked(self, revoked: SessionsRevoked) -> None:
        """Notify other nodes of log-ins that have ended."""
        self._broker.notify(revoked)

    # From others to this node

    def on_notification(self, notification: Notification) -> None:
        """Take a notification of another node."""
        if isinstance(notification, LogAdvanced):
            self._feed.on_head(notification.room, notification.head)
        else:
            self._revocations.on_revoked_elsewhere(notification)

    def on_polled(self, revocation: Revocation) -> None:
        """Take a revocation that the poller has found. It may be this node's own."""
        if revocation.erased:
            self._seams.on_names_changed.announce(None)
        revoked = SessionsRevoked(revocation.user, revocation.session)
        self._revocations.on_revoked_elsewhere(revoked)
