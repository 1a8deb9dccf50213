"""Connections that record what is written to them, and events that no log has stored."""

import itertools
from collections.abc import Callable
from typing import Any

from app.domain.close_codes import Close
from app.domain.events import Event, EventBatch, EventType
from app.domain.ids import Millis, RoomId, Seq, SessionId, UserId
from app.domain.roles import Kind
from app.realtime.connection import Connection
from app.realtime.outbox import Outbox
from app.realtime.slow_consumer import SlowConsumerPolicy
from app.wire.websocket_frame import payloads_of

_WRITES = itertools.count()
DEN = RoomId(1)
AT = Millis(1_795_248_000_000)
NAMES = {UserId(1): "ana", UserId(2): "bo", UserId(3): "eve"}
ANA, BO, EVE = NAMES
NO_LIMIT = SlowConsumerPolicy(max_unsent_bytes=0)


class RecordingTransport:
    """A transport that records every write, and takes nothing unless told so."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.order: list[int] = []
        """The number of each write among those to all recording transports."""
        self.waiting = 0
        """Bytes that count as unsent."""
        self.aborted = False

    def write(self, frames: bytes) -> None:
        self.writes.append(frames)
        self.order.append(next(_WRITES))

    def unsent(self) -> int:
        return self.waiting

    def abort(self) -> None:
        self.aborted = True

    async def drained(self) -> None: ...

    @property
    def payloads(self) -> list[bytes]:
        """The payloads of all frames."""
        return payloads_of(b"".join(self.writes))


async def answers(_seconds: float) -> bool:
    """As the client of a connection that is there."""
    return True


class RecordingConnection:
    """A connection without a socket: what was written to it, and the codes it was closed with."""

    def __init__(
        self,
        user: UserId,
        *,
        session: int = 1,
        path_room: str | None = None,
        slow_consumer: SlowConsumerPolicy = NO_LIMIT,
        transport: RecordingTransport | None = None,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self.transport = transport or RecordingTransport()
        self.closes: list[Close] = []
        self._on_close = on_close
        self.connection = Connection(
            user=user,
            username=NAMES[user],
            session=SessionId(session),
            expires_at=AT,
            outbox=Outbox(self.transport, slow_consumer, self._close),
            close=self._close,
            probe=answers,
            path_room=path_room,
        )

    def _close(self, why: Close) -> None:
        self.closes.append(why)
        self._on_close()


def event(seq: int, kind: EventType = EventType.MESSAGE_CREATED, **fields: Any) -> Event:
    """An event by ana in the den."""
    if kind is EventType.MESSAGE_CREATED:
        fields.setdefault("text", f"text {seq}")
    return Event(DEN, Seq(seq), kind, fields.pop("by", ANA), AT, **fields)


def batch(*events: Event, room: RoomId = DEN, name: str = "den") -> EventBatch:
    return EventBatch(room, name, Kind.PUBLIC, events, NAMES)


def left(seq: int, user: UserId, reason: str = "removed") -> Event:
    return event(seq, EventType.MEMBER_LEFT, data={"user": user, "reason": reason})


def joined(seq: int, user: UserId) -> Event:
    return event(seq, EventType.MEMBER_JOINED, data={"user": user}, by=user)
