"""
What a connection hears of rooms of its own that it has not joined: ``added``, ``removed``,
and now and then that there is ``activity``.
"""

import asyncio
from collections.abc import Iterable

from ..domain.events import EventBatch, EventType
from ..domain.ids import RoomId, UserId
from ..domain.limits import ACTIVITY_SECONDS
from ..wire import answers
from ..wire.frames import text_frame
from .connection import Connection
from .hub import Hub


class PendingActivity:
    """What has happened in a room since its bystanders were last told."""

    __slots__ = ("head", "mentioned", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.head = 0
        self.mentioned: set[UserId] = set()


class ActivityNotifier:
    """Connections by the rooms that their users are members of."""

    def __init__(self, hub: Hub, *, interval_seconds: float = ACTIVITY_SECONDS) -> None:
        self._hub = hub
        self._interval_seconds = interval_seconds
        self._rooms: dict[RoomId, set[Connection]] = {}
        self._of: dict[Connection, set[RoomId]] = {}
        self._pending_activity: dict[RoomId, PendingActivity] = {}
        # Rooms that were told of so recently that the next telling has to wait.
        self._quiet: dict[RoomId, asyncio.TimerHandle] = {}

    def watch(self, connection: Connection, rooms: Iterable[RoomId]) -> None:
        """``connection`` is a member's of ``rooms``."""
        mine = self._of.setdefault(connection, set())
        for room in rooms:
            mine.add(room)
            self._rooms.setdefault(room, set()).add(connection)

    def forget(self, connection: Connection) -> None:
        """The connection is gone."""
        for room in self._of.pop(connection, ()):
            self._leave(connection, room)

    def notice(self, batch: EventBatch) -> None:
        """Events were committed, whoever listens."""
        for event in batch.events:
            if event.data is None:
                continue
            if event.type == EventType.MEMBER_JOINED:
                self._added(batch, event.data["user"], event.by)
            elif event.type == EventType.ROOM_CREATED and event.by is not None:
                self._added(batch, event.by, event.by)
            elif event.type == EventType.MEMBER_LEFT:
                self._removed(batch, event.data["user"], event.data["reason"])
        if batch.room in self._rooms:
            self._activity(batch)

    def _added(self, batch: EventBatch, user: UserId, by: UserId | None) -> None:
        name = None if by is None else batch.names.get(by)
        payload = answers.signal("added", room=batch.room_name, kind=batch.kind.value, by=name)
        for connection in self._hub.of_user(user):
            self.watch(connection, (batch.room,))
            # The one that joins it learns of it by its answer.
            if batch.room not in connection.subscriptions:
                connection.send(payload)

    def _removed(self, batch: EventBatch, user: UserId, reason: str) -> None:
        payload = answers.signal("removed", room=batch.room_name, reason=reason)
        for connection in list(self._hub.of_user(user)):
            if batch.room in self._of.get(connection, ()):
                self._of[connection].discard(batch.room)
                self._leave(connection, batch.room)
                # Those who listen hear it in its place among the events.
                if batch.room not in connection.subscriptions:
                    connection.send(payload)

    def _leave(self, connection: Connection, room: RoomId) -> None:
        watching = self._rooms.get(room)
        if watching is not None:
            watching.discard(connection)
            if not watching:
                del self._rooms[room]
                self._pending_activity.pop(room, None)

    def _activity(self, batch: EventBatch) -> None:
        pending_activity = self._pending_activity.get(batch.room)
        if pending_activity is None:
            pending_activity = self._pending_activity[batch.room] = PendingActivity(
                batch.room_name
            )
        pending_activity.head = batch.last
        for event in batch.events:
            if event.data is not None and "mentions" in event.data:
                pending_activity.mentioned.update(event.data["mentions"])
        if batch.room not in self._quiet:
            self._tell(batch.room)

    def _tell(self, room: RoomId) -> None:
        pending_activity = self._pending_activity.pop(room, None)
        if pending_activity is None:
            self._quiet.pop(room, None)
            return
        loop = asyncio.get_running_loop()
        self._quiet[room] = loop.call_later(self._interval_seconds, self._tell, room)
        plain = answers.signal("activity", room=pending_activity.name, head=pending_activity.head)
        mentioned = answers.signal(
            "activity", room=pending_activity.name, head=pending_activity.head, mention=True
        )
        frames = {payload: text_frame(payload) for payload in (plain, mentioned)}
        for connection in self._rooms.get(room, ()):
            if room in connection.subscriptions:
                continue
            payload = mentioned if connection.user in pending_activity.mentioned else plain
            if connection.held_until_welcome is None:
                connection.outbox.signal(frames[payload])
            else:
                # What its welcome will show may have been read before.
                connection.send(payload)

    def close(self) -> None:
        """Stop the timers."""
        for timer in self._quiet.values():
            timer.cancel()
        self._quiet.clear()
