"""What a node has to tell the others and has not sent yet."""

from itertools import chain, islice

from ..domain.ids import RoomId
from ..domain.limits import MAX_PENDING_NOTIFICATIONS
from .base import LogAdvanced, LookEverywhere, Notification
from .notification_encoding import encode, pack


class PendingNotifications:
    """
    Notifications between two sends: one for each room, and never too many.

    Used in the event loop; never awaits. What it can't hold, it replaces by
    :class:`~app.broker.base.LookEverywhere`.

    Args:
        node: The name of this node among the others.
        max_bytes: Of one message.
        max_messages: Of one send.
        max_pending: Notifications that are held.

    """

    def __init__(
        self,
        node: str,
        *,
        max_bytes: int,
        max_messages: int,
        max_pending: int = MAX_PENDING_NOTIFICATIONS,
    ) -> None:
        self._node = node
        self._max_bytes = max_bytes
        self._max_messages = max_messages
        self._max_pending = max_pending
        self._logs: dict[RoomId, LogAdvanced] = {}
        # Without values: a set in the order of insertion.
        self._others: dict[Notification, None] = {}
        self._probe: int | None = None

    def __bool__(self) -> bool:
        return bool(self._logs or self._others) or self._probe is not None

    def add(self, notification: Notification) -> None:
        """Add a notification to the next send."""
        if LookEverywhere() in self._others:
            return  # it covers everything
        if isinstance(notification, LogAdvanced):
            earlier = self._logs.get(notification.room, notification)
            self._logs[notification.room] = notification.merged_with(earlier)
        else:
            # Of the same signal on, off and on again, the last is the one that counts.
            self._others.pop(notification, None)
            self._others[notification] = None
        if (
            isinstance(notification, LookEverywhere)
            or len(self._logs) + len(self._others) > self._max_pending
        ):
            self._replace()

    def add_probe(self, number: int) -> None:
        """Send this number, even if there is no notification."""
        self._probe = number

    def take(self) -> list[bytes]:
        """Return the messages to send now, and forget them."""
        hints = map(encode, chain(self._others, self._logs.values()))
        packed = pack(self._node, hints, self._max_bytes, self._probe)
        messages = list(islice(packed, self._max_messages + 1))
        if len(messages) > self._max_messages:
            everywhere = [encode(LookEverywhere())]
            messages = list(pack(self._node, everywhere, self._max_bytes, self._probe))
        self._logs.clear()
        self._others.clear()
        self._probe = None
        return messages

    def _replace(self) -> None:
        self._logs.clear()
        self._others = {LookEverywhere(): None}
