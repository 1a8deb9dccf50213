"""
The registry of this node's connections and subscriptions, and the delivery of events to them.

A batch reaches every subscriber as the same bytes, in one write. Membership events take effect
as they are delivered: the batch is cut behind each event that ends a user's access, so access
ends at the same ``seq`` on every node.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain

from ..domain.close_codes import UNAUTHORIZED, lost_room
from ..domain.events import Event, EventBatch, EventType
from ..domain.ids import RoomId, SessionId, UserId
from ..wire import answers
from ..wire.websocket_frame import text_frame
from .connection import AccessEnd, Connection, Subscription, SubscriptionState
from .fanout import Fanout
from .outbox import Outbox

# Looked up once: on Python 3.11 an enum's member takes 0.2 µs to look up.
_LIVE = SubscriptionState.LIVE
_MAY_END_ACCESS = frozenset(
    {EventType.MEMBER_LEFT, EventType.ROOM_ARCHIVED, EventType.MEMBER_UPDATED}
)


class Hub:
    """
    Connections by user, subscriptions by room.

    Owned by the event loop. No method awaits, so none needs a lock, and a caller that doesn't
    await either sees no change in between.
    """

    def __init__(self, fanout: Fanout) -> None:
        self.fanout = fanout
        """Writes to the subscribers that are not waiting for a reply."""
        self.on_unsubscribed: Callable[[Subscription], None] | None = None
        """Called for each subscription that ends. It must not await or raise."""
        # A user's connections are in the order in which they were registered.
        self._users: dict[UserId, dict[Connection, None]] = {}
        self._rooms: dict[RoomId, dict[Connection, Subscription]] = {}
        self.delivered_events = 0
        """Events of rooms that had subscribers."""
        self.deliveries = 0
        """The same, each event counted once for every subscriber that it was sent to."""
        self.deserted = asyncio.Event()
        """Set while there are no connections."""
        self.deserted.set()

    # Connections

    def register(self, connection: Connection) -> None:
        """Add a connection. From now on :meth:`end_sessions` closes it."""
        self._users.setdefault(connection.user, {})[connection] = None
        self.deserted.clear()

    def retire(self, connection: Connection) -> None:
        """End the subscriptions of a connection that is about to close. Idempotent."""
        connection.closed = True
        for subscription in list(connection.subscriptions.values()):
            self.unsubscribe(subscription)

    def unregister(self, connection: Connection) -> bool:
        """Remove a closed connection. Idempotent; returns whether it was still registered."""
        self.retire(connection)
        of_user = self._users.get(connection.user)
        if of_user is None or connection not in of_user:
            return False
        del of_user[connection]
        if not of_user:
            del self._users[connection.user]
        if not self._users:
            self.deserted.set()
        return True

    def of_user(self, user: UserId) -> Collection[Connection]:
        """
        A user's connections, including closing ones, the oldest first.

        A live view: copy before changing.
        """
        return self._users.get(user, {}).keys()

    def connections(self) -> Iterable[Connection]:
        """Every connection, including closing ones."""
        for of_user in list(self._users.values()):
            yield from list(of_user)

    def end_sessions(self, user: UserId, session: SessionId | None) -> None:
        """Close the connections of a log-in, or of all of the user's if ``session`` is None."""
        for connection in list(self.of_user(user)):
            if session is None or connection.session == session:
                connection.close(UNAUTHORIZED)

    # Subscriptions

    def subscribe(self, connection: Connection, room: RoomId, name: str) -> Subscription:
        """
        Register a subscription that is replaying.

        Call this before access is checked: from here on, events that end access are recorded in
        :attr:`~app.realtime.connection.Subscription.access_ends`. Replaces the connection's
        earlier subscription to the room.
        """
        old = connection.subscriptions.get(room)
        if old is not None:
            self.unsubscribe(old)
        subscription = Subscription(connection, room, name)
        self._rooms.setdefault(room, {})[connection] = subscription
        connection.subscriptions[room] = subscription
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription. Idempotent."""
        if subscription.state is SubscriptionState.ENDED:
            return
        subscription.set_state(SubscriptionState.ENDED)
        connection, room = subscription.connection, subscription.room
        del connection.subscriptions[room]
        subscriptions = self._rooms[room]
        del subscriptions[connection]
        if not subscriptions:
            del self._rooms[room]
        on_end, subscription.on_end = subscription.on_end, None
        if on_end is not None:
            on_end()
        if self.on_unsubscribed is not None:
            self.on_unsubscribed(subscription)

    def subscriptions(self, room: RoomId) -> Collection[Subscription]:
        """The subscriptions to a room, including replaying ones. A live view."""
        return self._rooms.get(room, {}).values()

    # Delivery

    def deliver(self, batch: EventBatch, frames: Sequence[bytes]) -> None:
        """
        Send a batch to the live subscribers of its room. Called by the feed alone, in order.

        Args:
            frames: The encoded events, one frame for each.

        """
        subscriptions = self._rooms.get(batch.room)
        if not subscriptions:
            return
        start = 0
        if batch.has_any(_MAY_END_ACCESS):
            for index, event in enumerate(batch.events):
                if event.type in _MAY_END_ACCESS and (reason := _end_reason(event)):
                    self._write(subscriptions, frames[start : index + 1])
                    start = index + 1
                    self._end_access(list(subscriptions.values()), event, reason)
        self._write(subscriptions, frames[start:], replies_of=batch.room)

    def signal(
        self,
        room: RoomId,
        frames: bytes,
        *,
        but: Connection | None = None,
        without: Collection[UserId] = (),
    ) -> None:
        """
        Send finished frames that may be lost to the live subscribers.

        Args:
            but: A connection that does not receive them...
            without: ...and users whose connections don't.

        """
        for connection, subscription in tuple(self._rooms.get(room, {}).items()):
            if subscription.state is not _LIVE or connection is but:
                continue
            if connection.user not in without:
                connection.outbox.signal(frames)

    def signal_user(self, user: UserId, payload: bytes, *, but: Connection | None = None) -> None:
        """Send a payload that may be lost to a user's connections, whatever they have joined."""
        frame = text_frame(payload)
        for connection in tuple(self.of_user(user)):
            if connection is but:
                continue
            if connection.held_until_welcome is None:
                connection.outbox.signal(frame)
            else:
                # Don't drop it: `welcome` may show a state from before.
                connection.send(payload)

    def send_presence(
        self,
        room: RoomId,
        about: Mapping[UserId, bytes],
        without: Mapping[UserId, Collection[UserId]],
    ) -> None:
        """
        Send a frame about each of several users; no user receives the one about themselves.

        Args:
            without: For each of these users, others who don't receive the frame about them.

        """
        everything = b"".join(about.values())
        kept_from = {*about, *chain.from_iterable(without.values())}
        for connection, subscription in tuple(self._rooms.get(room, {}).items()):
            if subscription.state is not _LIVE:
                continue
            if (me := connection.user) in kept_from:
                others = (
                    frame
                    for user, frame in about.items()
                    if user != me and me not in without.get(user, ())
                )
                connection.outbox.signal(b"".join(others))
            else:
                connection.outbox.signal(everything)

    def expel(self, subscription: Subscription) -> None:
        """Send ``removed`` and end the subscription, if its user's access has ended."""
        end = subscription.access_end
        if end is None:
            return
        connection, name = subscription.connection, subscription.room_name
        connection.outbox.send(answers.signal("removed", room=name, reason=end.reason))
        self.unsubscribe(subscription)
        if connection.path_room == name and not connection.subscriptions:
            connection.close(lost_room(end.reason))

    def _write(
        self,
        subscriptions: dict[Connection, Subscription],
        frames: Sequence[bytes],
        *,
        replies_of: RoomId | None = None,
    ) -> None:
        if not frames:
            return
        joined = b"".join(frames)
        # Connections that wait for a reply are written to at once, with the reply; the fan-out
        # takes the others. A write can close a slow connection and so end its subscription:
        # hence the copy.
        others: list[Outbox] = []
        answered = 0
        for subscription in tuple(subscriptions.values()):
            if subscription.state is not _LIVE:
                continue
            outbox = subscription.connection.outbox
            if (
                replies_of is None
                or not outbox.deferred_replies
                or not outbox.write_with_replies(replies_of, joined)
            ):
                others.append(outbox)
            else:
                answered += 1
        self.delivered_events += len(frames)
        self.deliveries += len(frames) * (len(others) + answered)
        self.fanout.send(others, joined)

    def _end_access(
        self, subscriptions: Iterable[Subscription], event: Event, reason: str
    ) -> None:
        of_all = event.type == EventType.ROOM_ARCHIVED
        user = None if event.data is None else event.data.get("user")
        for subscription in subscriptions:
            if of_all or subscription.connection.user == user:
                subscription.access_ends.append(AccessEnd(reason, event.seq))
                # A replay ends its own subscription, once it has sent this event.
                if subscription.state is _LIVE:
                    self.expel(subscription)


def _end_reason(event: Event) -> str | None:
    """Why this event ends a user's access; None if it doesn't."""
    if event.type == EventType.ROOM_ARCHIVED:
        return "archived"
    data = event.data or {}
    if event.type == EventType.MEMBER_LEFT:
        return str(data.get("reason"))
    # A ban also ends the access of a user who reads a public room without being a member.
    return "banned" if data.get("banned_until") is not None else None
