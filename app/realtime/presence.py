"""
Who is here, per room. Several tabs are one presence, a reconnect makes no noise, nothing is
stored.
"""

import asyncio
from collections.abc import Callable, Mapping

from ..domain.ids import RoomId, UserId
from ..domain.limits import (
    MAX_PRESENT_LISTED,
    PRESENCE_COUNT_SECONDS,
    PRESENCE_GATHER_SECONDS,
    PRESENCE_GRACE_SECONDS,
)
from ..wire import answers
from ..wire.frames import text_frame

Tell = Callable[[RoomId, Mapping[UserId, bytes]], None]
"""Send to all who listen to a room a finished frame about each user, but not to that user."""

_NOBODY = UserId(0)


class _Room:
    __slots__ = ("changed", "leaving", "name", "telling", "tabs", "usernames")

    def __init__(self, name: str) -> None:
        self.name = name
        # Subscriptions per user; a user with none is on the way out.
        self.tabs: dict[UserId, int] = {}
        self.usernames: dict[UserId, str] = {}
        self.leaving: dict[UserId, asyncio.TimerHandle] = {}
        # Who has come (True) or gone (False) since the last telling.
        self.changed: dict[UserId, tuple[str, bool]] = {}
        self.telling: asyncio.TimerHandle | None = None


class Presence:
    """
    Comings and goings.

    Args:
        tell: How a room is told.
        quiet_until: Nobody is announced before this moment of the loop's clock: after a
            start everybody comes at once, and is then told of at once.

    """

    def __init__(
        self,
        tell: Tell,
        quiet_until: float,
        *,
        grace_seconds: float = PRESENCE_GRACE_SECONDS,
        gather_seconds: float = PRESENCE_GATHER_SECONDS,
        count_seconds: float = PRESENCE_COUNT_SECONDS,
        max_listed: int = MAX_PRESENT_LISTED,
    ) -> None:
        self._grace_seconds = grace_seconds
        self._gather_seconds = gather_seconds
        self._count_seconds = count_seconds
        self._max_listed = max_listed
        self._tell = tell
        self._quiet_until = quiet_until
        self._rooms: dict[RoomId, _Room] = {}

    def arrive(self, room: RoomId, name: str, user: UserId, username: str) -> None:
        """A subscription of ``user`` to ``room`` begins."""
        here = self._rooms.get(room)
        if here is None:
            here = self._rooms[room] = _Room(name)
        tabs = here.tabs.get(user)
        here.tabs[user] = (tabs or 0) + 1
        if tabs is None:
            here.usernames[user] = username
            self._change(room, here, user, username, online=True)
        elif tabs == 0:
            here.leaving.pop(user).cancel()

    def leave(self, room: RoomId, user: UserId) -> None:
        """One of them ends. With the last, the user is gone after a while."""
        here = self._rooms.get(room)
        if here is None:
            return  # closed, and a stream ends after that
        here.tabs[user] -= 1
        if here.tabs[user] == 0:
            loop = asyncio.get_running_loop()
            here.leaving[user] = loop.call_later(self._grace_seconds, self._gone, room, user)

    def drop(self, room: RoomId, user: UserId) -> None:
        """The user's access has ended: gone at once."""
        here = self._rooms.get(room)
        if here is not None and here.tabs.get(user) == 0:
            here.leaving.pop(user).cancel()
            self._gone_from(room, here, user)

    def count(self, room: RoomId) -> int:
        """How many are here."""
        here = self._rooms.get(room)
        return 0 if here is None else len(here.tabs)

    def usernames(self, room: RoomId) -> list[str] | None:
        """Who is here; None if there are too many to list."""
        here = self._rooms.get(room)
        if here is None:
            return []
        if len(here.tabs) > self._max_listed:
            return None
        return sorted(here.usernames.values())

    def close(self) -> None:
        """Stop the timers."""
        for here in self._rooms.values():
            for timer in here.leaving.values():
                timer.cancel()
            if here.telling is not None:
                here.telling.cancel()
        self._rooms.clear()

    def _gone(self, room: RoomId, user: UserId) -> None:
        here = self._rooms[room]
        del here.leaving[user]
        self._gone_from(room, here, user)

    def _gone_from(self, room: RoomId, here: _Room, user: UserId) -> None:
        del here.tabs[user]
        username = here.usernames.pop(user)
        if here.tabs:
            self._change(room, here, user, username, online=False)
            return
        if here.telling is not None:
            here.telling.cancel()
        del self._rooms[room]

    def _change(
        self, room: RoomId, here: _Room, user: UserId, username: str, *, online: bool
    ) -> None:
        if here.changed.pop(user, (username, online))[1] is not online:
            return
        here.changed[user] = (username, online)
        if here.telling is None:
            crowded = len(here.tabs) > self._max_listed
            wait = self._count_seconds if crowded else self._gather_seconds
            loop = asyncio.get_running_loop()
            when = max(loop.time() + wait, self._quiet_until)
            here.telling = loop.call_at(when, self._announce, room, here)

    def _announce(self, room: RoomId, here: _Room) -> None:
        here.telling = None
        changed, here.changed = here.changed, {}
        if len(here.tabs) > self._max_listed:
            payload = answers.signal("presence", room=here.name, count=len(here.tabs))
            self._tell(room, {_NOBODY: text_frame(payload)})
            return
        about = {
            user: text_frame(
                answers.signal("presence", room=here.name, by=username, online=online)
            )
            for user, (username, online) in changed.items()
        }
        if about:
            self._tell(room, about)
