"""
Several nodes on one database: what this one tells the others, and what it hears of them.

Everything between nodes is a hint: the feed reads the log, revocations read the log-in. What a
lost hint would hide, the poller finds.
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
    """Connects the broker and the poller to the parts of this node. Used in the event loop."""

    def __init__(
        self, broker: Broker, *, feed: Feed, revocations: Revocations, seams: Seams
    ) -> None:
        self._broker = broker
        self._feed = feed
        self._revocations = revocations
        self._seams = seams

    # From this node to others

    def on_committed(self, batches: Sequence[EventBatch]) -> None:
        """Tell other nodes how far the logs reach."""
        for batch in batches:
            self._broker.notify(LogAdvanced(batch.room, batch.last))

    def on_sessions_revoked(self, revoked: SessionsRevoked) -> None:
        """Tell other nodes whose log-ins have ended."""
        self._broker.notify(revoked)

    # From others to this node

    def on_notification(self, notification: Notification) -> None:
        """A hint of another node."""
        if isinstance(notification, LogAdvanced):
            self._feed.on_head(notification.room, notification.head)
        else:
            self._revocations.on_revoked_elsewhere(notification)

    def on_polled(self, revocation: Revocation) -> None:
        """The database tells of a revocation, which may be this node's own."""
        if revocation.erased:
            self._seams.on_names_changed.announce(None)
        revoked = SessionsRevoked(revocation.user, revocation.session)
        self._revocations.on_revoked_elsewhere(revoked)
