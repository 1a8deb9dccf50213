"""Connections without sockets, and events without a log."""

import itertools
from typing import Any

from app.domain.close_codes import Close
from app.domain.events import Event, EventBatch, EventType
from app.domain.ids import Millis, RoomId, Seq, SessionId, UserId
from app.domain.roles import Kind
from app.realtime.connection import Connection
from app.realtime.outbox import Outbox
from app.wire.frames import payloads_of

_TURNS = itertools.count()
DEN = RoomId(1)
AT = Millis(1_795_248_000_000)
NAMES = {UserId(1): "ana", UserId(2): "bo", UserId(3): "eve"}
ANA, BO, EVE = NAMES


class RecordingTransport:
    """A lane that keeps what was written, and takes as much as it wants."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.turns: list[int] = []
        """When each was written, among the writes to all ears."""
        self.waiting = 0
        """Bytes that count as unsent."""
        self.aborted = False

    def write(self, frames: bytes) -> None:
        self.writes.append(frames)
        self.turns.append(next(_TURNS))

    def unsent(self) -> int:
        return self.waiting

    def abort(self) -> None:
        self.aborted = True

    async def drained(self) -> None: ...

    @property
    def payloads(self) -> list[bytes]:
        """What was heard, frame by frame."""
        return payloads_of(b"".join(self.writes))


class Caller:
    """A connection, what it heard, and how it ended."""

    def __init__(
        self, user: UserId, *, session: int = 1, limit: int = 0, path_room: str | None = None
    ) -> None:
        self.sequence = RecordingTransport()
        self.closes: list[Close] = []
        self.overflows = 0
        self.connection = Connection(
            user=user,
            username=NAMES[user],
            session=SessionId(session),
            expires_at=AT,
            outbox=Outbox(self.sequence, limit, self._overflow),
            close=self.closes.append,
            path_room=path_room,
        )

    def _overflow(self) -> None:
        self.overflows += 1


def event(seq: int, kind: EventType = EventType.MESSAGE_CREATED, **what: Any) -> Event:
    """An event of ana's in the den."""
    if kind is EventType.MESSAGE_CREATED:
        what.setdefault("text", f"text {seq}")
    return Event(DEN, Seq(seq), kind, what.pop("by", ANA), AT, **what)


def batch(*events: Event, room: RoomId = DEN, name: str = "den") -> EventBatch:
    return EventBatch(room, name, Kind.PUBLIC, events, NAMES)


def left(seq: int, user: UserId, reason: str = "removed") -> Event:
    return event(seq, EventType.MEMBER_LEFT, data={"user": user, "reason": reason})


def joined(seq: int, user: UserId) -> Event:
    return event(seq, EventType.MEMBER_JOINED, data={"user": user}, by=user)
