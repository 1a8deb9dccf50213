"""Typing indicators: signals that expire unless the client renews them."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

from ..domain.errors import Unavailable
from ..domain.ids import RoomId, UserId
from ..domain.limits import TYPING_SECONDS
from ..wire import answers
from ..wire.websocket_frame import text_frame
from .connection import Subscription
from .hub import Hub

Separated = Callable[[UserId], Awaitable[Collection[UserId]]]
"""Finds the users whom a block separates from a user."""

ToOtherNodes = Callable[[RoomId, UserId, bytes], None]
"""Sends a frame about a user to the subscribers of a room on other nodes. It may be lost."""


class _Indicator:
    __slots__ = ("shown", "timer", "without")

    def __init__(self, timer: asyncio.TimerHandle) -> None:
        self.timer = timer
        self.shown = False
        # The users who have not been shown it, and don't learn of its end.
        self.without: Collection[UserId] = ()


class Typing:
    """
    Sends ``typing`` to a room's other subscribers, and ends indicators that expire.

    Owned by the event loop. A signal may be lost, and reaches no one whom a block separates from
    the user.
    """

    def __init__(
        self,
        hub: Hub,
        separated: Separated,
        *,
        to_other_nodes: ToOtherNodes,
        expiry_seconds: float = TYPING_SECONDS,
    ) -> None:
        self._hub = hub
        self._separated = separated
        self._to_other_nodes = to_other_nodes
        self._expiry_seconds = expiry_seconds
        self._indicators: dict[Subscription, _Indicator] = {}

    async def begin(self, subscription: Subscription) -> None:
        """Start or renew the user's indicator in a room. Safe to cancel."""
        loop = asyncio.get_running_loop()
        indicator = _Indicator(loop.call_later(self._expiry_seconds, self.end, subscription))
        earlier = self._indicators.get(subscription)
        if earlier is not None:
            earlier.timer.cancel()
            indicator.shown, indicator.without = earlier.shown, earlier.without
        # Before the read: an end that comes meanwhile must find it.
        self._indicators[subscription] = indicator
        try:
            without = await self._separated(subscription.connection.user)
        except Unavailable:
            return
        if self._indicators.get(subscription) is indicator:
            indicator.shown, indicator.without = True, without
            self._send(subscription, indicator, on=True)

    def end(self, subscription: Subscription) -> None:
        """End the user's indicator in a room, if there is one. Called as the subscription ends."""
        indicator = self._indicators.pop(subscription, None)
        if indicator is not None:
            indicator.timer.cancel()
            if indicator.shown:
                self._send(subscription, indicator, on=False)

    def close(self) -> None:
        """Stop the timers."""
        for indicator in self._indicators.values():
            indicator.timer.cancel()
        self._indicators.clear()

    def _send(self, subscription: Subscription, indicator: _Indicator, *, on: bool) -> None:
        connection = subscription.connection
        payload = answers.signal(
            "typing", room=subscription.room_name, by=connection.username, on=on
        )
        self._hub.signal(
            subscription.room, text_frame(payload), but=connection, without=indicator.without
        )
        self._to_other_nodes(subscription.room, connection.user, payload)
