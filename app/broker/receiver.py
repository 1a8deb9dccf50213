"""What a node does with the messages that arrive on the channel."""

from .base import BrokerCounts, Notification, OnNotification
from .notification_encoding import decode
from .self_probe import SelfProbe


class Receiver:
    """
    Passes on the notifications of other nodes, and reports this node's messages to its probe.

    Used in the event loop; never awaits.

    Args:
        node: The name of this node among the others.

    """

    def __init__(self, node: str, probe: SelfProbe) -> None:
        self._node = node
        self._probe = probe
        self.on_notification: OnNotification | None = None
        """None: nothing is passed on."""
        self.received = 0
        """Notifications of other nodes."""
        self.ignored = 0
        """Messages and hints that were not understood."""

    @property
    def counts(self) -> BrokerCounts:
        """What was received, and what the probe has found."""
        probe = self._probe
        return BrokerCounts(self.received, self.ignored, probe.went_deaf, probe.lag_seconds)

    def take(self, payload: bytes) -> None:
        """Take a message."""
        message = decode(payload)
        if message is None:
            self.ignored += 1
        elif message.node == self._node:
            self._probe.heard(message.probe)
        else:
            self.ignored += message.skipped
            self.received += len(message.notifications)
            for notification in message.notifications:
                self.pass_on(notification)

    def pass_on(self, notification: Notification) -> None:
        """Pass a notification on to this node."""
        if self.on_notification is not None:
            self.on_notification(notification)
