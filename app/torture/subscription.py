"""
Where one subscriber stands in one room, and whether what comes is what has to come next.

    join ──▶ joined ──▶ cursor+1, cursor+2, … ──▶ caught_up (seq == cursor) ──▶ cursor+1, …
                └──▶ without since: newest messages, numbers may jump ──▶ caught_up sets cursor
"""

from collections import deque

from app.torture.findings import Promise
from app.torture.history import Frame, History, Kind, NewestMessages

# Messages that one may react to.
_REMEMBERED_MESSAGES = 20


class Subscription:
    """One subscriber of one room. Its cursor outlives its connections."""

    def __init__(self, history: History, room: str, name: str) -> None:
        self._history = history
        self._room = room
        self._name = name
        self.cursor: int | None = None
        """The last event that was heard; None: join without ``since``."""
        self.caught_up = False
        self.messages: deque[int] = deque(maxlen=_REMEMBERED_MESSAGES)
        # What `joined` will answer, and whether it has come on this connection.
        self._requested_since: int | None = None
        self._has_joined = False
        # Numbers of the newest messages, until they are complete.
        self._newest: list[int] | None = None
        self._limit = 0

    def forget(self) -> None:
        """Begin as somebody who has nothing of the room."""
        self.cursor = None

    def connects(self) -> None:
        """Another connection: it has joined nothing."""
        self._has_joined = self.caught_up = False
        self._newest = None

    def joins(self, limit: int) -> int | None:
        """It asks to join; answers from which ``since``. ``limit`` is for when there is none."""
        self._requested_since, self._limit = self.cursor, limit
        self.caught_up = False
        return self._requested_since

    def joined(self) -> None:
        """What it asked for begins."""
        self._has_joined = True
        self.cursor = self._requested_since
        self._newest = [] if self._requested_since is None else None

    def hears(self, event: Frame) -> None:
        """An event came."""
        self._history.hears(self._room, event)
        seq = event["seq"]
        if event["type"] == Kind.SEND.value:
            self.messages.append(seq)
        if not self._has_joined:
            self._wrong(f"heard seq {seq} before it had joined")
        elif self._newest is not None:
            if self._newest and seq <= self._newest[-1]:
                self._wrong(f"heard seq {seq} after {self._newest[-1]}, after the newest messages")
            # What happens meanwhile follows the messages: it need not be another one.
            if event["type"] == Kind.SEND.value:
                self._newest.append(seq)
        else:
            self._next(seq)

    def on_caught_up(self, seq: int) -> None:
        """The replay is over."""
        if self._newest is not None:
            if self._newest:
                page = NewestMessages(self._newest[0], seq, len(self._newest), self._limit)
                self._history.rooms[self._room].pages.append(page)
            self._newest = None
            self.cursor = seq
        elif self.cursor != seq:
            self._wrong(f"stands at {self.cursor} and was told that it has caught up with {seq}")
        self.caught_up = True

    def reads(self, since: int, events: list[Frame], head: int) -> None:
        """A page of the log came over HTTP."""
        self.cursor = since
        for event in events:
            self._history.hears(self._room, event)
            self._next(event["seq"])
        if self.cursor > head:
            self._wrong(f"was given seq {self.cursor} with a head of {head}")
        self.caught_up = self.cursor == head

    def on_reset(self, reason: str, head: int | None) -> None:
        """The server says that what it holds can't be carried on from."""
        self._history.findings.add(
            Promise.REAL,
            self._room,
            f"{self._name} has heard everything to {self.cursor}, "
            f"and is told to start again ({reason}, head {head})",
        )
        self._has_joined = False
        self.forget()

    def _next(self, seq: int) -> None:
        assert self.cursor is not None
        if seq != self.cursor + 1:
            self._wrong(f"heard seq {seq} after {self.cursor}")
        self.cursor = max(seq, self.cursor)

    def _wrong(self, what: str) -> None:
        self._history.findings.add(Promise.IN_ORDER, self._room, f"{self._name} {what}")
