"""The broker of a single node, or of several nodes in one process."""

from .base import BrokerCounts, Notification, OnNotification


class MemoryBus:
    """Connects the brokers of several nodes in one process, as tests have them."""

    def __init__(self) -> None:
        self.brokers: list[MemoryBroker] = []


class MemoryBroker:
    """
    A :class:`~app.broker.base.Broker` that delivers inside of ``notify`` and loses nothing.

    Args:
        bus: Shared by the nodes that it connects; None for a single node.

    """

    def __init__(self, bus: MemoryBus | None = None) -> None:
        self._bus = bus or MemoryBus()
        self.fault: str | None = None
        self._received = 0
        self._on_notification: OnNotification | None = None

    @property
    def counts(self) -> BrokerCounts:
        """See :class:`~app.broker.base.Broker`."""
        return BrokerCounts(received=self._received)

    async def open(self, on_notification: OnNotification) -> None:
        """Start receiving."""
        self._on_notification = on_notification
        self._bus.brokers.append(self)

    def notify(self, notification: Notification) -> None:
        """Call the other brokers on the bus."""
        for broker in self._bus.brokers:
            if broker is not self and broker._on_notification is not None:
                broker._received += 1
                broker._on_notification(notification)

    async def close(self) -> None:
        """Stop receiving."""
        self._on_notification = None
        if self in self._bus.brokers:
            self._bus.brokers.remove(self)
