"""Who is typing, per room: a signal that ends by itself."""

import asyncio

from ..domain.limits import TYPING_SECONDS
from ..wire import answers
from ..wire.frames import text_frame
from .connection import Connection, Subscription
from .hub import Hub


class Typing:
    """Passes typing signals on, and ends those that are not renewed."""

    def __init__(self, hub: Hub, *, expiry_seconds: float = TYPING_SECONDS) -> None:
        self._hub = hub
        self._expiry_seconds = expiry_seconds
        self._timers: dict[Subscription, asyncio.TimerHandle] = {}

    def signal(self, subscription: Subscription, *, on: bool) -> None:
        """Somebody types, or has stopped."""
        timer = self._timers.pop(subscription, None)
        if timer is not None:
            timer.cancel()
        elif not on:
            return
        self._tell(subscription, on=on)
        if on:
            loop = asyncio.get_running_loop()
            self._timers[subscription] = loop.call_later(
                self._expiry_seconds, self._expire, subscription
            )

    def forget(self, connection: Connection) -> None:
        """The connection is about to close: whoever it is types no more."""
        for subscription in connection.subscriptions.values():
            self.signal(subscription, on=False)

    def close(self) -> None:
        """Stop the timers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _expire(self, subscription: Subscription) -> None:
        del self._timers[subscription]
        self._tell(subscription, on=False)

    def _tell(self, subscription: Subscription, *, on: bool) -> None:
        connection = subscription.connection
        payload = answers.signal(
            "typing", room=subscription.room_name, by=connection.username, on=on
        )
        self._hub.signal(subscription.room, text_frame(payload), but=connection)
