"""
Who is connected to this node, and who listens to which room.

Never awaits, so needs no lock. A run of events reaches each listener as the same bytes with
one write. The hub applies what it delivers: a run is cut after each event that ends
somebody's access, so that access ends at a ``seq``, the same on every node.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence

from ..domain.close_codes import UNAUTHORIZED, lost_room
from ..domain.events import Event, EventBatch, EventType
from ..domain.ids import RoomId, SessionId, UserId
from ..wire import answers
from .connection import Connection, Subscription
from .fanout import Fanout
from .outbox import Outbox

_ENDS_ACCESS = frozenset(
    {EventType.MEMBER_LEFT, EventType.ROOM_ARCHIVED, EventType.MEMBER_UPDATED}
)


class Hub:
    """The registry of connections, and the fan-out."""

    def __init__(self, fanout: Fanout) -> None:
        self.fanout = fanout
        """Where those who wait for no answer are told."""
        self._users: dict[UserId, set[Connection]] = {}
        self._rooms: dict[RoomId, dict[Connection, Subscription]] = {}
        self.deserted = asyncio.Event()
        """Set while nobody is connected."""
        self.deserted.set()

    # Connections

    def register(self, connection: Connection) -> None:
        """From now on ``connection`` hears when its log-in ends."""
        self._users.setdefault(connection.user, set()).add(connection)
        self.deserted.clear()

    def retire(self, connection: Connection) -> None:
        """The connection is about to close: it hears nothing more of any room."""
        connection.closed = True
        for subscription in list(connection.subscriptions.values()):
            self.unsubscribe(subscription)

    def unregister(self, connection: Connection) -> None:
        """The connection is closed."""
        self.retire(connection)
        of_user = self._users.get(connection.user)
        if of_user is not None:
            of_user.discard(connection)
            if not of_user:
                del self._users[connection.user]
        if not self._users:
            self.deserted.set()

    def of_user(self, user: UserId) -> Collection[Connection]:
        """The connections of a user, closing ones too."""
        return self._users.get(user, ())

    def connections(self) -> Iterable[Connection]:
        """Every connection."""
        for of_user in list(self._users.values()):
            yield from list(of_user)

    def end_sessions(self, user: UserId, session: SessionId | None) -> None:
        """A log-in has ended (None: all of the user's): so do its connections."""
        for connection in list(self.of_user(user)):
            if session is None or connection.session == session:
                connection.close(UNAUTHORIZED)

    # Rooms

    def subscribe(self, connection: Connection, room: RoomId, name: str) -> Subscription:
        """
        Listen to a room, mute until :attr:`Subscription.live` is set.

        Registered first, checked second: what ends access from here on is noticed. An
        earlier subscription of this connection to the room ends.
        """
        old = connection.subscriptions.get(room)
        if old is not None:
            self.unsubscribe(old)
        subscription = Subscription(connection, room, name)
        self._rooms.setdefault(room, {})[connection] = subscription
        connection.subscriptions[room] = subscription
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop listening. Idempotent."""
        connection, room = subscription.connection, subscription.room
        if connection.subscriptions.get(room) is not subscription:
            return
        del connection.subscriptions[room]
        listeners = self._rooms[room]
        del listeners[connection]
        if not listeners:
            del self._rooms[room]
        on_end, subscription.on_end = subscription.on_end, None
        if on_end is not None:
            on_end()

    def listeners(self, room: RoomId) -> Collection[Subscription]:
        """The subscriptions to a room, mute ones too."""
        return self._rooms.get(room, {}).values()

    def deliver(self, batch: EventBatch, frames: Sequence[bytes]) -> None:
        """Hand a run to everybody who listens now, without waiting for any of them."""
        listeners = self._rooms.get(batch.room)
        if not listeners:
            return
        start = 0
        for index, event in enumerate(batch.events):
            if event.type in _ENDS_ACCESS and (reason := _reason(event)):
                self._write(listeners, frames[start : index + 1])
                start = index + 1
                self._end(list(listeners.values()), event, reason)
        self._write(listeners, frames[start:], answering=batch.room)

    def signal(self, room: RoomId, frames: bytes, *, but: Connection | None = None) -> None:
        """Tell those who listen something that may be lost: finished frames."""
        for connection, subscription in tuple(self._rooms.get(room, {}).items()):
            if subscription.live and connection is not but:
                connection.outbox.signal(frames)

    def send_presence(self, room: RoomId, about: Mapping[UserId, bytes]) -> None:
        """Tell those who listen a frame about each of some users, but nobody of themselves."""
        everything = b"".join(about.values())
        for connection, subscription in tuple(self._rooms.get(room, {}).items()):
            if not subscription.live:
                continue
            if connection.user in about:
                others = (frame for user, frame in about.items() if user != connection.user)
                connection.outbox.signal(b"".join(others))
            else:
                connection.outbox.signal(everything)

    def _write(
        self,
        listeners: dict[Connection, Subscription],
        frames: Sequence[bytes],
        *,
        answering: RoomId | None = None,
    ) -> None:
        if not frames:
            return
        joined = b"".join(frames)
        # Who waits for an answer comes first, and goes on while the others are told. A write can
        # end a connection (a slow reader), which then leaves: hence the copy.
        others: list[Outbox] = []
        for subscription in tuple(listeners.values()):
            if not subscription.live:
                continue
            outbox = subscription.connection.outbox
            if (
                answering is None
                or not outbox.deferred_replies
                or not outbox.write_with_replies(answering, joined)
            ):
                others.append(outbox)
        self.fanout.send(others, joined)

    def _end(self, subscriptions: Iterable[Subscription], event: Event, reason: str) -> None:
        everybody = event.type == EventType.ROOM_ARCHIVED
        user = None if event.data is None else event.data.get("user")
        for subscription in subscriptions:
            if everybody or subscription.connection.user == user:
                subscription.ends.append((reason, event.seq))
                # A mute one has a replay under way, which ends itself.
                if subscription.live:
                    self.expel(subscription)

    def expel(self, subscription: Subscription) -> None:
        """Say that access has ended, and stop listening."""
        if subscription.ended is None:
            return
        reason, _seq = subscription.ended
        connection, name = subscription.connection, subscription.room_name
        connection.outbox.send(answers.signal("removed", room=name, reason=reason))
        self.unsubscribe(subscription)
        if connection.path_room == name and not connection.subscriptions:
            connection.close(lost_room(reason))


def _reason(event: Event) -> str | None:
    """Why this event ends somebody's access; None if it doesn't."""
    if event.type == EventType.ROOM_ARCHIVED:
        return "archived"
    data = event.data or {}
    if event.type == EventType.MEMBER_LEFT:
        return str(data.get("reason"))
    # A ban reaches those who only read a public room, too.
    return "banned" if data.get("banned_until") is not None else None
