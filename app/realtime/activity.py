"""
What a connection receives about rooms of its user that it has not joined.

``added`` and ``removed`` are sent at once, ``activity`` at most once per room and interval.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any, TypeAlias

from ..domain.errors import Unavailable
from ..domain.events import EventBatch, EventType
from ..domain.ids import RoomId, UserId
from ..domain.limits import ACTIVITY_SECONDS
from ..domain.mentions import HERE, ROOM
from ..wire import answers
from ..wire.websocket_frame import text_frame
from .connection import Connection
from .hub import Hub


class PendingActivity:
    """What has happened in a room since its last ``activity`` signal."""

    __slots__ = ("head", "mentioned", "mentions_room", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.head = 0
        self.mentioned: set[UserId] = set()
        # ``all``, ``here`` or both, by the users who wrote it.
        self.mentions_room: dict[UserId, set[str]] = {}


Blockers: TypeAlias = Callable[[UserId], Awaitable[Collection[UserId]]]
"""Finds who has blocked a user; raises Unavailable if that can't be read now."""


async def _no_blockers(_: UserId) -> Collection[UserId]:
    return ()


class ActivityNotifier:
    """
    Connections by the rooms that their users are members of.

    Owned by the event loop; never awaits. ``activity`` may be lost: it is dropped for a slow
    peer, and its ``head`` is in the next one.

    Args:
        is_present: Whether a user is present in a room: only they learn of a mention of those.
        blockers: Who has blocked a user: they don't learn that this user has mentioned the room.

    """

    def __init__(
        self,
        hub: Hub,
        is_present: Callable[[RoomId, UserId], bool] = lambda _room, _user: False,
        blockers: Blockers = _no_blockers,
        *,
        interval_seconds: float = ACTIVITY_SECONDS,
    ) -> None:
        self._hub = hub
        self._is_present = is_present
        self._blockers = blockers
        self._interval_seconds = interval_seconds
        self._watching: dict[RoomId, set[Connection]] = {}
        self._watched: dict[Connection, set[RoomId]] = {}
        self._pending: dict[RoomId, PendingActivity] = {}
        # Rooms whose interval since the last signal has not passed yet.
        self._intervals: dict[RoomId, asyncio.TimerHandle] = {}
        # Signals that wait until it is known who has blocked whom.
        self._signalling: set[asyncio.Task[None]] = set()

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

    async def close(self) -> None:
        """Stop the timers, and drop what has not been sent."""
        for timer in self._intervals.values():
            timer.cancel()
        self._intervals.clear()
        for task in self._signalling:
            task.cancel()
        await asyncio.gather(*self._signalling, return_exceptions=True)

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
                mentions_room = event.data.get("mentions_room")
                if mentions_room is not None and event.by is not None:
                    pending.mentions_room.setdefault(event.by, set()).add(mentions_room)
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
        if not pending.mentions_room:
            self._send(room, pending, {})
            return
        task = asyncio.create_task(self._send_unless_blocked(room, pending), name="activity")
        self._signalling.add(task)
        task.add_done_callback(self._signalling.discard)

    async def _send_unless_blocked(self, room: RoomId, pending: PendingActivity) -> None:
        authors = tuple(pending.mentions_room)
        try:
            found = await asyncio.gather(*(self._blockers(user) for user in authors))
        except Unavailable:
            # To miss a mention is better than to be told of one by a user who is blocked.
            pending.mentions_room, found = {}, []
        self._send(room, pending, dict(zip(authors, found, strict=False)))

    def _send(
        self,
        room: RoomId,
        pending: PendingActivity,
        blockers: Mapping[UserId, Collection[UserId]],
    ) -> None:
        """Send to those who have not joined; ``blockers``: of each who mentioned the room."""
        payloads: dict[tuple[bool, str | None], tuple[bytes, bytes]] = {}
        for connection in tuple(self._watching.get(room, ())):
            if room in connection.subscriptions:
                continue
            user = connection.user
            mentions = user in pending.mentioned, self._to_room(room, pending, user, blockers)
            if mentions not in payloads:
                payload = _payload(pending, *mentions)
                payloads[mentions] = payload, text_frame(payload)
            payload, frame = payloads[mentions]
            if connection.held_until_welcome is None:
                connection.outbox.signal(frame)
            else:
                # Don't drop it: `welcome` may show a state from before these events.
                connection.send(payload)

    def _to_room(
        self,
        room: RoomId,
        pending: PendingActivity,
        user: UserId,
        blockers: Mapping[UserId, Collection[UserId]],
    ) -> str | None:
        """How a user is mentioned as one of the room; None if they are not."""
        said = {
            kind
            for author, kinds in pending.mentions_room.items()
            if user not in blockers[author]
            for kind in kinds
        }
        if ROOM in said:
            return ROOM
        return HERE if HERE in said and self._is_present(room, user) else None


def _payload(pending: PendingActivity, mention: bool, to_room: str | None) -> bytes:
    fields: dict[str, Any] = {"room": pending.name, "head": pending.head}
    if to_room is not None:
        fields["mentions_room"] = to_room
    if mention:
        fields["mention"] = True
    return answers.signal("activity", **fields)
