"""
``typing`` and ``read`` between nodes: a finished frame for the subscribers of a room everywhere,
or for the connections of one user.

It may be lost. Whom a block separates from the user is read by each node that has subscribers.
"""

import asyncio

from ..broker.base import Broker, RoomSignal, UserSignal
from ..domain.errors import Unavailable
from ..domain.ids import RoomId, UserId
from ..domain.limits import MAX_PENDING_NOTIFICATIONS
from ..wire.websocket_frame import text_frame
from .hub import Hub
from .separation import Separation


class RemoteSignals:
    """
    Sends signals to the other nodes, and delivers theirs.

    Owned by the event loop. No method but :meth:`close` awaits.
    """

    def __init__(self, broker: Broker, hub: Hub, separation: Separation) -> None:
        self._broker = broker
        self._hub = hub
        self._separation = separation
        # In the order of their arrival: an indicator must not end before it has begun.
        self._arrived: list[RoomSignal] = []
        self._delivering: asyncio.Task[None] | None = None

    def send(self, room: RoomId, user: UserId, payload: bytes) -> None:
        """Send a frame about ``user`` to the subscribers of ``room`` on other nodes."""
        self._broker.notify(RoomSignal(room, user, payload.decode()))

    def on_signal(self, signal: RoomSignal) -> None:
        """Take a signal of another node."""
        # While the database hangs, what does not fit is lost, as any signal may be.
        has_place = len(self._arrived) < MAX_PENDING_NOTIFICATIONS
        if has_place and self._hub.subscriptions(signal.room):
            self._arrived.append(signal)
            if self._delivering is None:
                self._delivering = asyncio.create_task(self._deliver(), name="remote signals")

    def send_to_user(self, user: UserId, payload: bytes) -> None:
        """Send a frame to the connections of ``user`` on other nodes."""
        self._broker.notify(UserSignal(user, payload.decode()))

    def on_user_signal(self, signal: UserSignal) -> None:
        """Take a signal of another node for one user."""
        self._hub.signal_user(signal.user, signal.payload.encode())

    async def close(self) -> None:
        """Deliver no more."""
        if self._delivering is not None:
            self._delivering.cancel()
            await asyncio.gather(self._delivering, return_exceptions=True)

    async def _deliver(self) -> None:
        try:
            while self._arrived:
                signals, self._arrived = self._arrived, []
                try:
                    without = await asyncio.gather(
                        *(self._separation.of(signal.user) for signal in signals)
                    )
                except Unavailable:
                    continue
                for signal, users in zip(signals, without, strict=True):
                    frame = text_frame(signal.payload.encode())
                    self._hub.signal(signal.room, frame, without=users)
        finally:
            self._delivering = None
