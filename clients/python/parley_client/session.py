"""
What outlives a connection: pending requests, rooms, signals. Handles frames; does no I/O.

A connection feeds it what arrives and takes what is to be written. Owned by the event loop.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from .cursors import Cursor, CursorStore
from .errors import Closed
from .limits import Limits
from .outbox import Outbox, encode
from .room import Room
from .signals import Signals

_ANSWERS = frozenset({"ack", "error", "pong"})
_OF_A_ROOM = frozenset({"joined", "caught_up", "reset", "removed"})
# A connection without rooms counts as healthy after this time.
_HEALTHY_SECONDS = 10.0


class Session:
    """The state of one client, across its connections."""

    def __init__(self, url: str, store: CursorStore, limits: Limits) -> None:
        self.welcome: Mapping[str, Any] = {}
        """The ``welcome`` of the last connection; empty before the first."""
        self.is_connected = False
        self._opened = asyncio.Event()
        self.reconnect_at: float | None = None
        """When the server, which restarts, wants to be called again, in loop time."""
        self.token_expires = asyncio.Event()
        """Set when the server announces that the access token expires."""
        self.wake = asyncio.Event()
        """Set when something may be due to be written."""
        self.outbox = Outbox(limits, self.wake.set, self._is_held)
        self.signals = Signals(limits)
        self._url = url
        self._store = store
        self._limits = limits
        self._rooms: dict[str, Room] = {}
        # Frames that belong to the present connection, before those of the outbox.
        self._control: deque[str] = deque()
        self._timers: set[asyncio.TimerHandle] = set()
        self._connected_at = 0.0
        self._answered = False
        self._ended = False
        self._failure: Exception | None = None

    # For the application

    async def opened(self) -> None:
        """Wait for the first ``welcome``; raise why there is none."""
        await self._opened.wait()
        if self._failure is not None:
            raise self._failure

    def room(self, name: str, since: int | Cursor | None, history: int) -> Room:
        """The open subscription of this room; a new one if there is none, or if ``since``."""
        if self._failure is not None:
            raise self._failure
        if self._ended or not self.welcome:
            raise Closed("The client is not open.")
        # The server's names are in lower case.
        name = name.lower()
        found = self._rooms.get(name)
        if found is not None:
            if since is None:
                return found
            found.leave()
        room = self._rooms[name] = Room(
            name,
            key=f"{self.welcome['user']} {name} {self._url}",
            since=since,
            history=history,
            store=self._store,
            limits=self._limits,
            link=self,
        )
        if self.is_connected:
            room.connected()
        return room

    def is_live(self, room: str) -> bool:
        """Whether the room is joined and caught up."""
        found = self._rooms.get(room.lower())
        return found is not None and found.live

    def _is_held(self, name: str) -> bool:
        # What is sent after subscribing is part of what the subscription brings.
        room = self._rooms.get(name)
        return room is not None and room.is_starting

    # For rooms

    def write(self, frame: Mapping[str, Any]) -> bool:
        """Write a frame on the present connection; False: there is none."""
        if self.is_connected:
            self._control.append(encode(frame))
            self.wake.set()
        return self.is_connected

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call back after so many seconds, unless the connection ends before."""

        def run() -> None:
            self._timers.discard(timer)
            call()

        timer = asyncio.get_running_loop().call_later(seconds, run)
        self._timers.add(timer)

    def forget(self, room: Room) -> None:
        """The room is left, or has ended."""
        if self._rooms.get(room.name) is room:
            del self._rooms[room.name]
            self.wake.set()

    # For the connection

    def connected(self, welcome: Mapping[str, Any], now: float) -> None:
        """A connection has begun with this ``welcome``."""
        self.welcome = welcome
        self.is_connected = True
        self._opened.set()
        self.reconnect_at = None
        self._connected_at = now
        self._answered = False
        self.token_expires.clear()
        self.outbox.connected(welcome.get("limits"))
        for room in list(self._rooms.values()):
            room.connected()
        self.signals.add({"type": "connected"})
        self.wake.set()

    def disconnected(self) -> None:
        """The connection has ended."""
        if self.is_connected:
            self.is_connected = False
            self._control.clear()
            for timer in self._timers:
                timer.cancel()
            self._timers.clear()
            for room in list(self._rooms.values()):
                room.disconnected()
            self.signals.add({"type": "disconnected"})

    def is_healthy(self, now: float) -> bool:
        """Whether this connection has caught up, so that the next pause is short again."""
        if not self.is_connected or not all(room.caught_up for room in self._rooms.values()):
            return False
        return bool(self._rooms) or self._answered or now - self._connected_at > _HEALTHY_SECONDS

    def take(self, now: float) -> str | float | None:
        """The next text to write; or the seconds until one may be due; or None: nothing waits."""
        if self._control:
            self.outbox.count_frame()
            return self._control.popleft()
        return self.outbox.take(now)

    def on_frame(self, frame: Mapping[str, Any], now: float) -> None:
        """
        Handle a frame. Ignores a type that this version doesn't know.

        Raises:
            KeyError, TypeError, ValueError: If a known frame lacks what it must have.

        """
        kind = frame["type"]
        if kind in _ANSWERS:
            self._answered = self._answered or kind == "ack"
            if not self.outbox.on_answer(frame, now) and kind == "error":
                for each in list(self._rooms.values()):
                    each.on_frame(frame)
        elif kind in _OF_A_ROOM:
            if (room := self._room_of(frame)) is not None:
                room.on_frame(frame)
                self.wake.set()
            if kind == "removed":
                self.signals.add(frame)
        elif kind == "drain":
            pause = float(frame["reconnect_in_ms"]) / 1000
            self.reconnect_at = now + min(max(0.0, pause), self._limits.backoff_max_seconds)
        elif kind == "auth_expiring":
            self.token_expires.set()
        elif type(frame.get("seq")) is int and isinstance(frame.get("at"), str):
            if (room := self._room_of(frame)) is not None:
                room.on_event(frame)
        else:
            self.signals.add(frame)

    def _room_of(self, frame: Mapping[str, Any]) -> Room | None:
        return self._rooms.get(frame["room"])

    def send_token(self, token: str) -> None:
        """Give the present connection another access token."""
        self.write({"type": "auth", "id": uuid4().hex, "token": token})

    def end(self, failure: Exception | None) -> None:
        """Settle everything: nothing waits for this client any more. Idempotent."""
        if self._ended:
            return
        self.disconnected()
        self._ended = True
        self._failure = failure
        self._opened.set()
        self.outbox.end(failure)
        for room in list(self._rooms.values()):
            room.end(failure)
        self.signals.end(failure)
