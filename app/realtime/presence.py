"""
Which users are present in a room: those with a subscription to it, on this node or another.

Several subscriptions of a user are one presence, and a reconnect within a grace period is not
announced. Nothing is stored.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping

from ..domain.ids import RoomId, UserId
from ..domain.limits import (
    MAX_PRESENT_LISTED,
    PRESENCE_COUNT_SECONDS,
    PRESENCE_GATHER_SECONDS,
    PRESENCE_GRACE_SECONDS,
)
from ..domain.views import Present
from ..wire import answers
from ..wire.websocket_frame import text_frame
from .remote_presence import RemotePresence

SendPresence = Callable[[RoomId, Mapping[UserId, bytes]], None]
"""Sends a room's subscribers a finished frame about each user, except the one about
themselves."""

# For frames about no single user: every subscriber receives them.
_NO_USER = UserId(0)


class _Room:
    __slots__ = ("announcement", "changed", "leaving", "name", "people", "subscriptions")

    def __init__(self, name: str) -> None:
        self.name = name
        # How many each user has on this node; none during the grace period.
        self.subscriptions: dict[UserId, int] = {}
        # Who is present, here or elsewhere; None: on another node, which names no one.
        self.people: dict[UserId, Present | None] = {}
        # Grace periods that are running.
        self.leaving: dict[UserId, asyncio.TimerHandle] = {}
        # Users to announce, and whether they are online now.
        self.changed: dict[UserId, tuple[Present | None, bool]] = {}
        self.announcement: asyncio.TimerHandle | None = None


class Presence:
    """
    Counts subscriptions, and announces who has come and gone.

    Owned by the event loop; never awaits. An announcement is a signal: it may be lost. Rooms
    without a subscription on this node are not followed.

    Args:
        elsewhere: Who is present on other nodes.
        quiet_until: Announce nothing before this time of the loop's clock: after a start every
            client reconnects, and one announcement for all is enough.
        grace_seconds: How long a user stays present without a subscription.
        gather_seconds: How long changes are gathered for one announcement...
        count_seconds: ...and in a room that is too large to name its users.
        max_listed: Larger rooms announce a number instead of names.

    """

    def __init__(
        self,
        send: SendPresence,
        quiet_until: float,
        *,
        elsewhere: RemotePresence | None = None,
        grace_seconds: float = PRESENCE_GRACE_SECONDS,
        gather_seconds: float = PRESENCE_GATHER_SECONDS,
        count_seconds: float = PRESENCE_COUNT_SECONDS,
        max_listed: int = MAX_PRESENT_LISTED,
    ) -> None:
        self._grace_seconds = grace_seconds
        self._gather_seconds = gather_seconds
        self._count_seconds = count_seconds
        self._max_listed = max_listed
        self._send = send
        self._quiet_until = quiet_until
        self._rooms: dict[RoomId, _Room] = {}
        self.on_local_change: Callable[[RoomId], None] | None = None
        """Called when users come to a room on this node or leave it. It must not await or
        raise."""
        self._elsewhere = elsewhere or RemotePresence()
        self._elsewhere.on_came, self._elsewhere.on_left = self._came, self._left

    def add(self, room: RoomId, name: str, user: UserId, who: Present) -> None:
        """Count one more subscription of ``user`` to ``room``."""
        present = self._rooms.get(room)
        if present is None:
            present = self._rooms[room] = _Room(name)
            present.people.update(self._elsewhere.users(room))
        count = present.subscriptions.get(user)
        present.subscriptions[user] = (count or 0) + 1
        if count is None:
            is_new = user not in present.people
            present.people[user] = who
            self._changed_here(room)
            if is_new:
                self._change(room, present, user, who, online=True)
        elif count == 0:
            present.leaving.pop(user).cancel()

    def remove(self, room: RoomId, user: UserId) -> None:
        """Count one less. After the last, the user stays present for the grace period."""
        present = self._rooms.get(room)
        if present is None:
            return  # closed: an event stream may end after that
        present.subscriptions[user] -= 1
        if present.subscriptions[user] == 0:
            loop = asyncio.get_running_loop()
            present.leaving[user] = loop.call_later(
                self._grace_seconds, self._grace_over, room, user
            )

    def remove_now(self, room: RoomId, user: UserId) -> None:
        """End the grace period of a user whose access has ended. Idempotent."""
        present = self._rooms.get(room)
        if present is not None and present.subscriptions.get(user) == 0:
            present.leaving.pop(user).cancel()
            self._leave(room, present, user)

    def count(self, room: RoomId) -> int:
        """How many users are present."""
        present = self._rooms.get(room)
        return 0 if present is None else len(present.people)

    def present(self, room: RoomId) -> dict[UserId, Present] | None:
        """The users who are present, with their names; None if they are too many to list."""
        present = self._rooms.get(room)
        if present is None:
            return {}
        if len(present.people) > self._max_listed:
            return None
        return {user: who for user, who in present.people.items() if who is not None}

    def users(self, room: RoomId) -> Collection[UserId]:
        """The users who are present, whether there are subscriptions on this node or not."""
        present = self._rooms.get(room)
        return self._elsewhere.users(room).keys() if present is None else present.people.keys()

    def is_present(self, room: RoomId, user: UserId) -> bool:
        """Whether a user is present, on this node or another."""
        present = self._rooms.get(room)
        return self._elsewhere.has(room, user) if present is None else user in present.people

    def rooms(self) -> Iterable[RoomId]:
        """The rooms in which users are present on this node."""
        return tuple(self._rooms)

    def local_users(self, room: RoomId) -> Mapping[UserId, Present | None]:
        """The users of a room who are present on this node."""
        present = self._rooms.get(room)
        if present is None:
            return {}
        return {user: present.people[user] for user in present.subscriptions}

    def close(self) -> None:
        """Stop the timers and forget every room."""
        for present in self._rooms.values():
            for timer in present.leaving.values():
                timer.cancel()
            if present.announcement is not None:
                present.announcement.cancel()
        self._rooms.clear()

    def _grace_over(self, room: RoomId, user: UserId) -> None:
        present = self._rooms[room]
        del present.leaving[user]
        self._leave(room, present, user)

    def _leave(self, room: RoomId, present: _Room, user: UserId) -> None:
        del present.subscriptions[user]
        if not present.subscriptions:
            if present.announcement is not None:
                present.announcement.cancel()
            del self._rooms[room]
        elif not self._elsewhere.has(room, user):
            self._change(room, present, user, present.people.pop(user), online=False)
        self._changed_here(room)

    def _changed_here(self, room: RoomId) -> None:
        if self.on_local_change is not None:
            self.on_local_change(room)

    def _came(self, room: RoomId, user: UserId, who: Present | None) -> None:
        """Take a user whom another node has, and no other had."""
        present = self._rooms.get(room)
        if present is not None and user not in present.subscriptions:
            present.people[user] = who
            self._change(room, present, user, who, online=True)

    def _left(self, room: RoomId, user: UserId) -> None:
        """Take a user whom no other node has any more."""
        present = self._rooms.get(room)
        if present is not None and user not in present.subscriptions:
            self._change(room, present, user, present.people.pop(user, None), online=False)

    def _change(
        self, room: RoomId, present: _Room, user: UserId, who: Present | None, *, online: bool
    ) -> None:
        # Coming and going between two announcements cancel each other out.
        if present.changed.pop(user, (who, online))[1] is not online:
            return
        present.changed[user] = (who, online)
        if present.announcement is None:
            large = len(present.people) > self._max_listed
            wait = self._count_seconds if large else self._gather_seconds
            loop = asyncio.get_running_loop()
            when = max(loop.time() + wait, self._quiet_until)
            present.announcement = loop.call_at(when, self._announce, room, present)

    def _announce(self, room: RoomId, present: _Room) -> None:
        present.announcement = None
        changed, present.changed = present.changed, {}
        if len(present.people) > self._max_listed:
            count = len(present.people)
            payload = answers.signal("presence", room=present.name, count=count)
            self._send(room, {_NO_USER: text_frame(payload)})
            return
        about = {
            user: text_frame(
                answers.signal(
                    "presence",
                    room=present.name,
                    by=who.username,
                    display_name=who.display_name,
                    online=online,
                )
            )
            for user, (who, online) in changed.items()
            if who is not None
        }
        if about:
            self._send(room, about)
