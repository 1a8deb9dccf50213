"""
What a connection receives about rooms of its user that it has not joined.

``added`` and ``removed`` are sent at once, ``activity`` at most once per room and interval.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from ..domain.events import EventBatch, EventType
from ..domain.ids import RoomId, UserId
from ..domain.limits import ACTIVITY_SECONDS
from ..domain.mentions import HERE, ROOM
from ..wire import answers
from ..wire.frames import text_frame
from .connection import Connection
from .hub import Hub


class PendingActivity:
    """What has happened in a room since its last ``activity`` signal."""

    __slots__ = ("head", "mentioned", "mentions_room", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.head = 0
        self.mentioned: set[UserId] = set()
        # ``all``, ``here`` or both.
        self.mentions_room: set[str] = set()


class ActivityNotifier:
    """
    Connections by the rooms that their users are members of.

    Owned by the event loop; never awaits. ``activity`` may be lost: it is dropped for a slow
    peer, and its ``head`` is in the next one.

    Args:
        is_present: Whether a user is present in a room: only they learn of a mention of those.

    """

    def __init__(
        self,
        hub: Hub,
        *,
        interval_seconds: float = ACTIVITY_SECONDS,
        is_present: Callable[[RoomId, UserId], bool] = lambda _room, _user: False,
    ) -> None:
        self._hub = hub
        self._is_present = is_present
        self._interval_seconds = interval_seconds
        self._watching: dict[RoomId, set[Connection]] = {}
        self._watched: dict[Connection, set[RoomId]] = {}
        self._pending: dict[RoomId, PendingActivity] = {}
        # Rooms whose interval since the last signal has not passed yet.
        self._intervals: dict[RoomId, asyncio.TimerHandle] = {}

    def watch(self, connection: Connection, rooms: Iterable[RoomId]) -> None:
        """Notify ``connection`` of activity in ``rooms``, of which its user is a member."""
        watched = self._watched.setdefault(connection, set())
        for room in rooms:
            watched.add(room)
            self._watching.setdefault(room, set()).add(connection)

    def forget(self, connection: Connection) -> None:
        """Stop notifying a connection. Idempotent."""
        for room in self._watched.pop(connection, ()):
            self._unwatch(connection, room)

    def is_watched(self, room: RoomId) -> bool:
        """Whether a connection that has not joined ``room`` is notified of its activity."""
        return any(room not in one.subscriptions for one in self._watching.get(room, ()))

    def on_events(self, batch: EventBatch) -> None:
        """Notify of committed events. Called by the feed, for rooms without subscribers too."""
        for event in batch.events:
            if event.data is None:
                continue
            if event.type == EventType.MEMBER_JOINED:
                self._added(batch, event.data["user"], event.by)
            elif event.type == EventType.ROOM_CREATED and event.by is not None:
                self._added(batch, event.by, event.by)
            elif event.type == EventType.MEMBER_LEFT:
                self._removed(batch, event.data["user"], event.data["reason"])
        if batch.room in self._watching:
            self._add_activity(batch)

    def close(self) -> None:
        """Stop the timers."""
        for timer in self._intervals.values():
            timer.cancel()
        self._intervals.clear()

    # Added and removed

    def _added(self, batch: EventBatch, user: UserId, by: UserId | None) -> None:
        name = None if by is None else batch.names.get(by)
        payload = answers.signal("added", room=batch.room_name, kind=batch.kind.value, by=name)
        for connection in self._hub.of_user(user):
            self.watch(connection, (batch.room,))
            # The connection that joined the room itself is told by the reply.
            if batch.room not in connection.subscriptions:
                connection.send(payload)

    def _removed(self, batch: EventBatch, user: UserId, reason: str) -> None:
        payload = answers.signal("removed", room=batch.room_name, reason=reason)
        for connection in list(self._hub.of_user(user)):
            if batch.room in self._watched.get(connection, ()):
                self._watched[connection].discard(batch.room)
                self._unwatch(connection, batch.room)
                # A subscriber receives `removed` from the hub, behind the event itself.
                if batch.room not in connection.subscriptions:
                    connection.send(payload)

    def _unwatch(self, connection: Connection, room: RoomId) -> None:
        watching = self._watching.get(room)
        if watching is not None:
            watching.discard(connection)
            if not watching:
                del self._watching[room]
                self._pending.pop(room, None)

    # Activity

    def _add_activity(self, batch: EventBatch) -> None:
        pending = self._pending.get(batch.room)
        if pending is None:
            pending = self._pending[batch.room] = PendingActivity(batch.room_name)
        pending.head = batch.last
        for event in batch.events:
            if event.data is not None:
                pending.mentioned.update(event.data.get("mentions", ()))
                if (mentions_room := event.data.get("mentions_room")) is not None:
                    pending.mentions_room.add(mentions_room)
        if batch.room not in self._intervals:
            self._signal_activity(batch.room)

    def _signal_activity(self, room: RoomId) -> None:
        pending = self._pending.pop(room, None)
        if pending is None:
            self._intervals.pop(room, None)
            return
        loop = asyncio.get_running_loop()
        self._intervals[room] = loop.call_later(
            self._interval_seconds, self._signal_activity, room
        )
        payloads: dict[tuple[bool, str | None], tuple[bytes, bytes]] = {}
        for connection in self._watching.get(room, ()):
            if room in connection.subscriptions:
                continue
            mentions = self._mentions(room, pending, connection.user)
            if mentions not in payloads:
                payload = _payload(pending, *mentions)
                payloads[mentions] = payload, text_frame(payload)
            payload, frame = payloads[mentions]
            if connection.held_until_welcome is None:
                connection.outbox.signal(frame)
            else:
                # Don't drop it: `welcome` may show a state from before these events.
                connection.send(payload)

    def _mentions(
        self, room: RoomId, pending: PendingActivity, user: UserId
    ) -> tuple[bool, str | None]:
        """Whether a user is mentioned, and how as one of the room."""
        to_room = ROOM if ROOM in pending.mentions_room else None
        if to_room is None and HERE in pending.mentions_room and self._is_present(room, user):
            to_room = HERE
        return user in pending.mentioned, to_room


def _payload(pending: PendingActivity, mention: bool, to_room: str | None) -> bytes:
    fields: dict[str, Any] = {"room": pending.name, "head": pending.head}
    if to_room is not None:
        fields["mentions_room"] = to_room
    if mention:
        fields["mention"] = True
    return answers.signal("activity", **fields)
