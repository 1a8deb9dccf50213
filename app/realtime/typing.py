"""Typing indicators: signals that expire unless the client renews them."""

import asyncio

from ..domain.limits import TYPING_SECONDS
from ..wire import answers
from ..wire.frames import text_frame
from .connection import Connection, Subscription
from .hub import Hub


class Typing:
    """
    Sends ``typing`` to a room's other subscribers, and ends indicators that expire.

    Owned by the event loop; never awaits. A signal may be lost.
    """

    def __init__(self, hub: Hub, *, expiry_seconds: float = TYPING_SECONDS) -> None:
        self._hub = hub
        self._expiry_seconds = expiry_seconds
        self._timers: dict[Subscription, asyncio.TimerHandle] = {}

    def signal(self, subscription: Subscription, *, on: bool) -> None:
        """Start or renew the user's indicator in a room, or end it."""
        timer = self._timers.pop(subscription, None)
        if timer is not None:
            timer.cancel()
        elif not on:
            return
        self._send(subscription, on=on)
        if on:
            loop = asyncio.get_running_loop()
            self._timers[subscription] = loop.call_later(
                self._expiry_seconds, self._expire, subscription
            )

    def forget(self, connection: Connection) -> None:
        """End the indicators of a connection that is about to close. Idempotent."""
        for subscription in connection.subscriptions.values():
            self.signal(subscription, on=False)

    def close(self) -> None:
        """Stop the timers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _expire(self, subscription: Subscription) -> None:
        del self._timers[subscription]
        self._send(subscription, on=False)

    def _send(self, subscription: Subscription, *, on: bool) -> None:
        connection = subscription.connection
        payload = answers.signal(
            "typing", room=subscription.room_name, by=connection.username, on=on
        )
        self._hub.signal(subscription.room, text_frame(payload), but=connection)
