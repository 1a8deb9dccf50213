"""One open connection, as the rest of the server knows it."""

from collections.abc import Callable

from ..domain.close_codes import Close
from ..domain.ids import Millis, RoomId, SessionId, UserId
from .outbox import Outbox


class Subscription:
    """
    A connection's ear in one room.

    ``live`` once its replay has caught up. ``ends`` are the reason and the ``seq`` of each
    event that ended access: a mute one may be let in again before it is heard.
    """

    __slots__ = ("admitted_at", "connection", "ends", "live", "on_end", "room", "room_name")

    def __init__(self, connection: "Connection", room: RoomId, room_name: str) -> None:
        self.connection = connection
        self.room = room
        self.room_name = room_name
        self.live = False
        self.ends: list[tuple[str, int]] = []
        # Head of the snapshot that showed access: what ended before has begun again by then.
        self.admitted_at = 0
        # Called once, when the connection stops listening.
        self.on_end: Callable[[], None] | None = None

    @property
    def ended(self) -> tuple[str, int] | None:
        """Why access has ended, and the seq of that event: the last that may be heard."""
        return next((end for end in self.ends if end[1] > self.admitted_at), None)

    def is_current(self) -> bool:
        """Whether the connection still listens by this one."""
        return self.connection.subscriptions.get(self.room) is self


class Connection:
    """A user's socket (or event stream). Registered before its log-in is read."""

    __slots__ = (
        "__weakref__",
        "close",
        "closed",
        "expires_at",
        "is_admin",
        "outbox",
        "path_room",
        "session",
        "subscriptions",
        "held_until_welcome",
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
        path_room: str | None,
    ) -> None:
        self.user = user
        self.username = username
        self.session = session
        self.expires_at = expires_at
        self.outbox = outbox
        # Ends the connection with a code; may be called more than once.
        self.close = close
        # The room of the path on /ws/{room}.
        self.path_room = path_room
        self.subscriptions: dict[RoomId, Subscription] = {}
        self.is_admin = False
        self.closed = False
        # News that waits until the connection has been welcomed; None: it waits for nothing.
        self.held_until_welcome: list[bytes] | None = None

    def send(self, payload: bytes) -> None:
        """Say something that nobody asked for, after ``welcome``."""
        if self.held_until_welcome is None:
            self.outbox.send(payload)
        else:
            self.held_until_welcome.append(payload)

    def mark_welcomed(self) -> None:
        """``welcome`` has been said: what waited for it follows."""
        held_until_welcome, self.held_until_welcome = self.held_until_welcome, None
        for payload in held_until_welcome or ():
            self.outbox.send(payload)
