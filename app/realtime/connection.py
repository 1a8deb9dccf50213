"""
An open connection and its subscriptions to rooms, as the rest of the server sees them.

A connection is a WebSocket, an event stream or any other request that stays open. Everything
here belongs to the event loop and never awaits.

A subscription's states::

    REPLAYING ── the replay has caught up ──▶ LIVE
        │                                      │
        └── left, removed, closed, replaced ───┴──▶ ENDED
"""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import NamedTuple

from ..domain.close_codes import Close
from ..domain.ids import Millis, RoomId, SessionId, UserId
from .outbox import Outbox


class SubscriptionState(Enum):
    """How far a subscription has got."""

    REPLAYING = "replaying"
    """Registered, but the replay sends its events; the hub delivers nothing to it."""
    LIVE = "live"
    """The hub delivers events as they are committed."""
    ENDED = "ended"
    """Nothing of the room is sent any more. Final."""


class AccessEnd(NamedTuple):
    """The event that took away a user's access to a room."""

    reason: str
    seq: int
    """The last event that the user may receive."""


class Subscription:
    """
    One connection's subscription to a room.

    Created by :meth:`app.realtime.hub.Hub.subscribe` and ended by ``unsubscribe``.
    """

    __slots__ = (
        "access_ends",
        "admitted_at",
        "connection",
        "on_end",
        "room",
        "room_name",
        "state",
    )

    def __init__(self, connection: "Connection", room: RoomId, room_name: str) -> None:
        self.connection = connection
        self.room = room
        self.room_name = room_name
        self.state = SubscriptionState.REPLAYING
        """Read it; :meth:`set_state` writes it."""
        self.access_ends: list[AccessEnd] = []
        """Every event since registration that took access away. While replaying, a user may be
        removed and added again before any of it is sent."""
        self.admitted_at = 0
        """Head of the snapshot that showed access; earlier entries of ``access_ends`` are void."""
        self.on_end: Callable[[], None] | None = None
        """Called once, when the subscription ends."""

    def set_state(self, state: SubscriptionState) -> None:
        """Move to ``state``. Once ended, a subscription stays ended."""
        if self.state is not SubscriptionState.ENDED:
            self.state = state

    @property
    def ended(self) -> bool:
        """Whether nothing of the room may be sent any more."""
        return self.state is SubscriptionState.ENDED

    @property
    def access_end(self) -> AccessEnd | None:
        """Where access ends; None while the user has access."""
        return next((end for end in self.access_ends if end.seq > self.admitted_at), None)


class Connection:
    """
    One open connection of a user.

    Registered with the hub before its log-in is read, so that a revocation in between is not
    missed; ``username``, ``display_name`` and ``is_admin`` are filled in when the log-in is
    confirmed.
    """

    __slots__ = (
        "__weakref__",
        "close",
        "closed",
        "display_name",
        "expires_at",
        "held_until_welcome",
        "is_admin",
        "outbox",
        "path_room",
        "probe",
        "session",
        "subscriptions",
        "transport",
        "user",
        "username",
    )

    def __init__(
        self,
        *,
        user: UserId,
        username: str,
        session: SessionId,
        expires_at: Millis,
        outbox: Outbox,
        close: Callable[[Close], None],
        probe: Callable[[float], Awaitable[bool]],
        path_room: str | None,
        transport: str = "websocket",
    ) -> None:
        self.user = user
        self.username = username
        self.display_name = ""
        self.session = session
        self.expires_at = expires_at
        self.outbox = outbox
        self.close = close
        """Ends the connection with a close code. Idempotent: the first code counts."""
        self.probe = probe
        """Whether the client answers within so many seconds."""
        self.path_room = path_room
        """The room in the path of ``/ws/{room}``."""
        self.transport = transport
        """``websocket``, ``asgi`` or ``http``: what it is counted as."""
        self.subscriptions: dict[RoomId, Subscription] = {}
        """The hub alone changes this."""
        self.is_admin = False
        self.closed = False
        self.held_until_welcome: list[bytes] | None = None
        """Payloads that wait until ``welcome`` has been sent; None to hold nothing back."""

    def subscription_to(self, name: str) -> Subscription | None:
        """The subscription to the room of this exact name, if there is one."""
        for subscription in self.subscriptions.values():
            if subscription.room_name == name:
                return subscription
        return None

    def send(self, payload: bytes) -> None:
        """Send a payload that is no reply. It is held back until ``welcome`` has been sent."""
        if self.held_until_welcome is None:
            self.outbox.send(payload)
        else:
            self.held_until_welcome.append(payload)

    def mark_welcomed(self) -> None:
        """Send what was held back. Call once, after ``welcome`` has been written."""
        held, self.held_until_welcome = self.held_until_welcome, None
        for payload in held or ():
            self.outbox.send(payload)
