"""
The last events of warm rooms, as finished frames: a thousand who reconnect at once are
replayed from memory.

What is in the tail is what a replay would send *now*: an edit or a deletion rewrites the
entries concerned before it goes out itself.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import orjson

from ..domain.clock import iso
from ..domain.events import Event, EventType
from ..domain.ids import RoomId
from ..domain.limits import REPLAY_BUFFER_ROOM_BYTES, REPLAY_BUFFERS_BYTES
from ..wire.frames import payload_of, text_frame


class ReplayBuffer:
    """The frames of consecutive events of one room, up to the last one delivered."""

    __slots__ = ("_frames", "first", "size")

    def __init__(self, first: int) -> None:
        self._frames: list[bytes] = []
        self.first = first
        """Seq of the first frame; without frames, of the next event."""
        self.size = 0
        """Bytes."""

    @property
    def last(self) -> int:
        """Seq of the last frame."""
        return self.first + len(self._frames) - 1

    def append(self, frames: Sequence[bytes]) -> None:
        """The next events."""
        self._frames.extend(frames)
        self.size += sum(map(len, frames))

    def prepend(self, first: int, frames: Sequence[bytes]) -> None:
        """Older events, from the log; ignored unless they end where this tail begins."""
        if first + len(frames) == self.first:
            self._frames[:0] = frames
            self.first = first
            self.size += sum(map(len, frames))

    def after(self, seq: int, upto: int, max_bytes: int) -> tuple[bytes, int] | None:
        """
        Joined frames of the events after ``seq``, and the seq of the last of them.

        At least one, about ``max_bytes``, not beyond ``upto``. None if they are not all here.
        """
        if seq + 1 < self.first or seq >= min(upto, self.last):
            return None
        start = seq + 1 - self.first
        end = min(upto, self.last) + 1 - self.first
        size, stop = 0, start
        while stop < end and size < max_bytes:
            size += len(self._frames[stop])
            stop += 1
        return b"".join(self._frames[start:stop]), self.first + stop - 1

    def trim(self, max_bytes: int) -> int:
        """Forget the oldest until it fits. Returns how many bytes went."""
        drop = gone = 0
        while drop < len(self._frames) and self.size - gone > max_bytes:
            gone += len(self._frames[drop])
            drop += 1
        if drop:
            del self._frames[:drop]
            self.first += drop
            self.size -= gone
        return gone

    def forget_before(self, first: int) -> None:
        """Events before ``first`` are no longer kept."""
        drop = max(0, min(first - self.first, len(self._frames)))
        self.size -= sum(map(len, self._frames[:drop]))
        del self._frames[:drop]
        self.first += drop

    def rewrite(self, event: Event) -> None:
        """Make the message that ``event`` edits or deletes what it is from now on."""
        if event.ref is None:
            return
        if self.first <= event.ref <= self.last:
            self._change(event.ref - self.first, _now(event))
        # Its edits say what is said now, too, and nothing once it is deleted.
        said: dict[str, Any] = {"text": event.text}
        if event.text is None:
            said["mentions"] = None
        mark = b'"ref":%d,' % event.ref
        for index, frame in enumerate(self._frames):
            if mark in frame and b'"type":"message.edited"' in frame:
                self._change(index, said)

    def _change(self, index: int, fields: dict[str, Any]) -> None:
        body = orjson.loads(payload_of(self._frames[index]))
        for name, value in fields.items():
            if value is None and name != "text":
                body.pop(name, None)
            else:
                body[name] = value
        frame = text_frame(orjson.dumps(body))
        self.size += len(frame) - len(self._frames[index])
        self._frames[index] = frame


def _now(event: Event) -> dict[str, Any]:
    """What changes in the message that ``event`` is about. None takes a field away."""
    if event.type == EventType.MESSAGE_DELETED:
        gone = dict.fromkeys(("text", "mentions", "data"))
        return {**gone, "deleted_at": iso(event.at)}
    return {"text": event.text, "edited_at": iso(event.at)}


class ReplayBuffers:
    """All tails of a node: bounded per room and together, the least used goes first."""

    def __init__(
        self, room_bytes: int = REPLAY_BUFFER_ROOM_BYTES, bytes_: int = REPLAY_BUFFERS_BYTES
    ) -> None:
        self._room_bytes = room_bytes
        self._bytes = bytes_
        self._replay_buffers: OrderedDict[RoomId, ReplayBuffer] = OrderedDict()
        self._size = 0

    def open(self, room: RoomId, delivered: int) -> ReplayBuffer:
        """An empty tail that begins after ``delivered``."""
        self.drop(room)
        buffer = self._replay_buffers[room] = ReplayBuffer(delivered + 1)
        return buffer

    def drop(self, room: RoomId) -> None:
        """Forget a room's tail: it has gone cold, or old events have been erased."""
        buffer = self._replay_buffers.pop(room, None)
        if buffer is not None:
            self._size -= buffer.size

    def append(self, room: RoomId, frames: Sequence[bytes]) -> None:
        """The next events of a room."""
        buffer = self._replay_buffers[room]
        before = buffer.size
        buffer.append(frames)
        self._grown(room, buffer, before)

    def prepend(self, room: RoomId, first: int, frames: Sequence[bytes]) -> None:
        """Older events of a room, while there is space for them."""
        buffer = self._replay_buffers[room]
        size = sum(map(len, frames))
        if buffer.size + size <= self._room_bytes and self._size + size <= self._bytes:
            before = buffer.size
            buffer.prepend(first, frames)
            self._grown(room, buffer, before)

    def forget_before(self, room: RoomId, first: int) -> None:
        """Events of a room before ``first`` are no longer kept."""
        buffer = self._replay_buffers.get(room)
        if buffer is not None:
            before = buffer.size
            buffer.forget_before(first)
            self._size += buffer.size - before

    def rewrite(self, room: RoomId, event: Event) -> None:
        """An edit or a deletion is about to go out."""
        buffer = self._replay_buffers[room]
        before = buffer.size
        buffer.rewrite(event)
        self._size += buffer.size - before

    def _grown(self, room: RoomId, buffer: ReplayBuffer, before: int) -> None:
        self._replay_buffers.move_to_end(room)
        buffer.trim(self._room_bytes)
        self._size += buffer.size - before
        for other in self._replay_buffers.values():
            if self._size <= self._bytes:
                return
            if other is not buffer:
                self._size -= other.trim(0)
