"""
A client's position in one room, and a check that each event received is the next one.

    join ──▶ joined ──▶ cursor+1, cursor+2, … ──▶ caught_up (seq == cursor) ──▶ cursor+1, …
                └──▶ without since: newest messages, seqs may jump ──▶ caught_up sets cursor
"""

from collections import deque

from .findings import Promise
from .history import Frame, History, Kind, NewestMessages

# Messages that reactions may refer to.
_REMEMBERED_MESSAGES = 20


class Subscription:
    """One client's subscription to one room. Its cursor outlives its connections."""

    def __init__(self, history: History, room: str, name: str) -> None:
        self._history = history
        self.room = room
        self._name = name
        self.cursor: int | None = None
        """The last event received; None means a join without ``since``."""
        self.caught_up = False
        self.messages: deque[int] = deque(maxlen=_REMEMBERED_MESSAGES)
        # The `since` of the latest join, and whether its `joined` has come on this connection.
        self._requested_since: int | None = None
        self._has_joined = False
        # Seqs of the newest messages received so far, until `caught_up`; None otherwise.
        self._newest: list[int] | None = None
        self._limit = 0

    def forget(self) -> None:
        """Drop the cursor, like a client with an empty cache."""
        self.cursor = None

    def on_connect(self) -> None:
        """Start another connection, on which the room is not joined yet."""
        self._has_joined = self.caught_up = False
        self._newest = None

    def start_join(self, limit: int) -> int | None:
        """Prepare a join; returns its ``since``. ``limit`` applies if that is None."""
        self._requested_since, self._limit = self.cursor, limit
        self.caught_up = False
        return self._requested_since

    def on_joined(self) -> None:
        """Handle ``joined``: what follows starts at the requested ``since``."""
        self._has_joined = True
        self.cursor = self._requested_since
        self._newest = [] if self._requested_since is None else None

    def on_event(self, event: Frame) -> None:
        """Handle an event from the socket."""
        self._history.record_event(self.room, event)
        seq = event["seq"]
        if event["type"] == Kind.SEND.value:
            self.messages.append(seq)
        if not self._has_joined:
            self._add_finding(f"received seq {seq} before it had joined")
        elif self._newest is not None:
            if self._newest and seq <= self._newest[-1]:
                last = self._newest[-1]
                self._add_finding(f"received seq {seq} after {last}, among the newest messages")
            # Live events of any type may follow the newest messages before `caught_up`.
            if event["type"] == Kind.SEND.value:
                self._newest.append(seq)
        else:
            self._next(seq)

    def on_caught_up(self, seq: int) -> None:
        """Handle ``caught_up``: the replay is over."""
        if self._newest is not None:
            if self._newest:
                page = NewestMessages(self._newest[0], seq, len(self._newest), self._limit)
                self._history.rooms[self.room].pages.append(page)
            self._newest = None
            self.cursor = seq
        elif self.cursor != seq:
            self._add_finding(
                f"received caught_up with seq {seq}, and its cursor is {self.cursor}"
            )
        self.caught_up = True

    def on_page(self, since: int, events: list[Frame], head: int) -> None:
        """Handle a page of the log, read over HTTP."""
        self.cursor = since
        for event in events:
            self._history.record_event(self.room, event)
            self._next(event["seq"])
        if self.cursor > head:
            self._add_finding(f"received seq {self.cursor} with a head of {head}")
        self.caught_up = self.cursor == head

    def on_reset(self, reason: str, head: int | None) -> None:
        """Handle ``reset``: the server can't resume from the cursor, which is always a finding."""
        self._history.findings.add(
            Promise.REAL,
            self.room,
            f"{self._name} has received everything up to {self.cursor}, "
            f"and the server told it to start again ({reason}, head {head})",
        )
        self._has_joined = False
        self.forget()

    def _next(self, seq: int) -> None:
        assert self.cursor is not None
        if seq != self.cursor + 1:
            self._add_finding(f"received seq {seq} after {self.cursor}")
        self.cursor = max(seq, self.cursor)

    def _add_finding(self, what: str) -> None:
        self._history.findings.add(Promise.IN_ORDER, self.room, f"{self._name} {what}")
