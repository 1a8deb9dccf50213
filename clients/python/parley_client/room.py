"""
One room: where the client has got to, and the events that the application has not taken yet.

    IDLE ── join ──▶ JOINING ── joined ──▶ REPLAYING ── caught_up ──▶ LIVE
                        ▲                      │ full buffer            │
                        └──── room again ── BEHIND ◀────────────────────┘

Applies the rules of docs/clients.md: strictly the next number, ignore what is known, join again
on a gap. An application that is slower than the room makes no buffer grow: the room is left when
the buffer is full, and joined again from there when half of it is taken.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from enum import Enum, auto
from typing import Any
from uuid import uuid4

from .cursors import Cursor, CursorStore, SavedCursor
from .errors import RETRIED, RoomEnded, refused
from .event_buffer import EventBuffer
from .events import Reset, RoomEvent, parse_event
from .limits import Limits
from .room_link import RoomLink

# The protocol's bounds of `limit`.
_MAX_HISTORY = 200


class _Phase(Enum):
    IDLE = auto()
    JOINING = auto()
    REPLAYING = auto()
    LIVE = auto()
    BEHIND = auto()
    ENDED = auto()


class Room:
    """
    The events of a room, from where the client is: ``async for event in chat.room("general")``.

    For one task. An event counts as handled when the next one is asked for; then the cursor
    moves, and is saved. Leaving the loop leaves the subscription: iterate again to go on, or
    :meth:`leave`. Ends when the client is closed.

    Raises, while iterating:
        RoomEnded: If access ends, after the last event.
        Refused: If the room can't be joined, or the server ends the session.

    """

    def __init__(
        self,
        name: str,
        *,
        key: str,
        since: int | Cursor | None,
        history: int,
        store: CursorStore,
        limits: Limits,
        link: RoomLink,
    ) -> None:
        self.name = name
        self.joined: Mapping[str, Any] = {}
        """The last ``joined`` frame: role, members present, unread; empty before the first."""
        self._history = min(history, _MAX_HISTORY)
        self._limits = limits
        self._link = link
        self._buffer = EventBuffer(SavedCursor(store, key, limits.save_seconds), since)
        start = self._buffer.cursor
        # The last event in the buffer, or handled if that is empty. None: begin with the newest.
        self._received = start.seq if start else None
        self._epoch = start.epoch if start else ""
        self._phase = _Phase.IDLE
        self._join_id = ""
        # Whether the newest messages come, whose numbers may jump, and not every event.
        self._snapshot = False
        # Whether anything came since joining was last repeated.
        self._progress = True
        self._failure: Exception | None = None
        self._changed = asyncio.Event()
        self._reading = False

    @property
    def cursor(self) -> Cursor | None:
        """The last event that was handled; None before the first join."""
        return self._buffer.cursor

    @property
    def caught_up(self) -> bool:
        """Whether the client has received all that there is, or all that it may buffer."""
        return self._phase in (_Phase.LIVE, _Phase.BEHIND, _Phase.ENDED)

    @property
    def is_starting(self) -> bool:
        """Whether it is still open where this subscription begins."""
        return self._received is None and self._phase in (_Phase.IDLE, _Phase.JOINING)

    @property
    def live(self) -> bool:
        """Whether events come as they happen."""
        return self._phase is _Phase.LIVE

    def leave(self) -> None:
        """End the subscription, and the iteration. The membership stays. Idempotent."""
        if self._phase is not _Phase.ENDED:
            if self._phase not in (_Phase.IDLE, _Phase.BEHIND):
                self._link.write({"type": "leave", "id": uuid4().hex, "room": self.name})
            self.end(None)

    # For the application

    def __aiter__(self) -> "Room":
        return self

    async def __anext__(self) -> RoomEvent:
        """The next event; the one before counts as handled. Safe to cancel."""
        if self._reading:
            raise RuntimeError(f"Two tasks iterate over {self.name}; a room is for one.")
        self._reading = True
        try:
            if self._buffer.mark_handled():
                self._save(at_once=False)
            while not self._buffer:
                self._save(at_once=True)
                if self._failure is not None:
                    raise self._failure
                if self._phase is _Phase.ENDED:
                    raise StopAsyncIteration
                self._changed.clear()
                await self._changed.wait()
            event = self._buffer.take()
            if (
                self._phase is _Phase.BEHIND
                and len(self._buffer) <= self._limits.buffered_events // 2
            ):
                self.join()
            return event
        finally:
            self._reading = False

    async def so_far(self) -> AsyncIterator[RoomEvent]:
        """The events that there are: ends when the application has caught up."""
        while self._buffer or self._phase is not _Phase.LIVE:
            if not self._buffer and self._phase is not _Phase.ENDED:
                self._changed.clear()
                await self._changed.wait()
                continue
            try:
                yield await anext(self)
            except StopAsyncIteration:
                return

    def _save(self, *, at_once: bool) -> None:
        idle = self._buffer.is_handled and self._phase is not _Phase.ENDED
        if idle and self._received is not None:
            # Nothing is unhandled: as far as the server has sent.
            self._buffer.cursor = Cursor(self._received, self._epoch)
        self._buffer.save(at_once=at_once)

    def _save_what_is_handled(self) -> None:
        try:
            self._save(at_once=True)
        except Exception as exc:
            # The store's: the application gets it where it iterates.
            self.end(exc)

    # For the client

    def join(self) -> None:
        """Join from where the buffer ends. Nothing happens without a connection."""
        self._join_id = uuid4().hex
        frame: dict[str, Any] = {"type": "join", "id": self._join_id, "room": self.name}
        self._snapshot = self._received is None
        if self._received is None:
            frame["limit"] = max(self._history, 1)
        else:
            frame["since"] = self._received
            if self._epoch:
                frame["epoch"] = self._epoch
        self._phase = _Phase.JOINING if self._link.write(frame) else _Phase.IDLE

    def connected(self) -> None:
        """There is a connection."""
        if self._phase is not _Phase.BEHIND:
            self.join()

    def disconnected(self) -> None:
        """There is none any more."""
        if self._phase is not _Phase.BEHIND:
            self._phase = _Phase.IDLE

    def on_frame(self, frame: Mapping[str, Any]) -> None:
        """Handle a frame about this room that is not an event."""
        ours = frame.get("re") == self._join_id
        match frame["type"]:
            case "joined" if ours and self._phase is _Phase.JOINING:
                self.joined = frame
                self._epoch = str(frame.get("epoch"))
                self._phase = _Phase.REPLAYING
                if self._snapshot and not self._history:
                    # From now on: what is stored already does not count as news.
                    self._received = int(frame["head"])
            case "caught_up" if ours and self._phase is _Phase.REPLAYING:
                if self._snapshot and not self._history and frame["seq"] > (self._received or 0):
                    # What came between the two, the newest messages may not show.
                    self.join()
                    return
                self._received = max(self._received or 0, int(frame["seq"]))
                self._phase = _Phase.LIVE
                self._progress = True
                self._save_what_is_handled()
                self._changed.set()
            case "reset" if ours and self._phase is _Phase.JOINING:
                self._on_reset(frame)
            case "error" if ours and self._phase is _Phase.JOINING:
                self._on_refused(frame)
            case "removed":
                self.end(RoomEnded(self.name, str(frame.get("reason"))))

    def on_event(self, frame: Mapping[str, Any]) -> None:
        """Handle an event of this room."""
        seq = frame["seq"]
        if self._phase not in (_Phase.REPLAYING, _Phase.LIVE):
            # Of the subscription before this one: what it brings, the replay brings too.
            return
        known = self._received or 0
        if self._snapshot and self._phase is _Phase.REPLAYING:
            if self._history and seq > known:
                self._on_next(frame, seq)
        elif seq == known + 1:
            self._on_next(frame, seq)
        elif seq > known:
            self._join_again()

    def _on_next(self, frame: Mapping[str, Any], seq: int) -> None:
        if len(self._buffer) >= self._limits.buffered_events:
            self._phase = _Phase.BEHIND
            self._link.write({"type": "leave", "id": uuid4().hex, "room": self.name})
        else:
            self._put(parse_event(frame), seq)
            self._progress = True

    def _put(self, event: RoomEvent, received: int | None) -> None:
        self._received = received
        self._buffer.put(event, self._epoch)
        self._changed.set()

    def _on_reset(self, frame: Mapping[str, Any]) -> None:
        self._epoch = str(frame["epoch"])
        reset = Reset(
            room=self.name,
            reason=str(frame["reason"]),
            head=int(frame["head"]),
            first=int(frame["first"]),
            epoch=self._epoch,
        )
        # What was removed is gone for all clients; what is left can still be had.
        self._put(reset, reset.first - 1 if reset.reason == "gone" else None)
        self._join_again()

    def _on_refused(self, frame: Mapping[str, Any]) -> None:
        error = refused(frame)
        if error.code in RETRIED:
            self._join_later(error.retry_after or self._limits.retry_seconds)
        else:
            self.end(error)

    def _join_again(self) -> None:
        if self._progress:
            self._progress = False
            self.join()
        else:
            # A server that answers each join in the same useless way is not asked in a loop.
            self._join_later(self._limits.retry_seconds)

    def _join_later(self, seconds: float) -> None:
        self._phase = _Phase.JOINING
        id = self._join_id = uuid4().hex

        def again() -> None:
            if self._phase is _Phase.JOINING and self._join_id == id:
                self.join()

        self._link.later(seconds, again)

    def end(self, failure: Exception | None) -> None:
        """End the iteration: with a failure after what is buffered, else at once."""
        if self._phase is not _Phase.ENDED:
            if failure is None:
                self._save_what_is_handled()
                self._buffer.clear()
            self._phase = _Phase.ENDED
            self._failure = self._failure or failure
            self._changed.set()
            self._link.forget(self)
