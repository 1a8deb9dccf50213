"""
The recent events of rooms as finished frames, so that a wave of reconnects is replayed from
memory.

A buffer holds what a replay from the log would send *now*: an edit or a deletion first rewrites
the frames that it changes.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import orjson

from ..domain.clock import iso
from ..domain.events import Event, EventType
from ..domain.ids import RoomId
from ..domain.limits import REPLAY_BUFFER_ROOM_BYTES, REPLAY_BUFFERS_BYTES
from ..wire.event_encoding import one_line
from ..wire.websocket_frame import payload_of, text_frame


class ReplayBuffer:
    """The frames of consecutive events of one room, up to the last that was delivered."""

    __slots__ = ("_frames", "first", "size")

    def __init__(self, first: int) -> None:
        self._frames: list[bytes] = []
        self.first = first
        """Seq of the first frame, or of the next event if there are no frames."""
        self.size = 0
        """Bytes of all frames."""

    @property
    def last(self) -> int:
        """Seq of the last frame."""
        return self.first + len(self._frames) - 1

    def append(self, frames: Sequence[bytes]) -> None:
        """Add the next events."""
        self._frames.extend(frames)
        self.size += sum(map(len, frames))

    def prepend(self, first: int, frames: Sequence[bytes]) -> None:
        """Add older events; ignored unless they end where this buffer begins."""
        if first + len(frames) == self.first:
            self._frames[:0] = frames
            self.first = first
            self.size += sum(map(len, frames))

    def after(self, seq: int, upto: int, max_bytes: int) -> tuple[bytes, int] | None:
        """
        The joined frames of the events after ``seq``, and the seq of the last of them.

        At least one event, about ``max_bytes``, none beyond ``upto``. None if the buffer doesn't
        reach back to ``seq``, or there is nothing after it.
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
        """Drop the oldest frames until ``max_bytes`` hold the rest. Returns the bytes dropped."""
        drop = dropped = 0
        while drop < len(self._frames) and self.size - dropped > max_bytes:
            dropped += len(self._frames[drop])
            drop += 1
        if drop:
            del self._frames[:drop]
            self.first += drop
            self.size -= dropped
        return dropped

    def forget_before(self, first: int) -> None:
        """Drop the events before ``first``."""
        drop = max(0, min(first - self.first, len(self._frames)))
        self.size -= sum(map(len, self._frames[:drop]))
        del self._frames[:drop]
        self.first += drop

    def rewrite(self, event: Event) -> None:
        """Apply an edit or a deletion to the frames of its message."""
        if event.ref is None:
            return
        if self.first <= event.ref <= self.last:
            self._change(event.ref - self.first, _changes(event))
        # Earlier edits show the newest text as well, and none once the message is deleted.
        changes: dict[str, Any] = {"text": event.text}
        if event.text is None:
            changes |= {"mentions": None, "mentions_room": None}
        mark = b'"ref":%d,' % event.ref
        for index, frame in enumerate(self._frames):
            if mark in frame and b'"type":"message.edited"' in frame:
                self._change(index, changes)

    def _change(self, index: int, fields: dict[str, Any]) -> None:
        body = orjson.loads(payload_of(self._frames[index]))
        for name, value in fields.items():
            if value is None and name != "text":
                body.pop(name, None)
            else:
                body[name] = value
        frame = text_frame(one_line(body))
        self.size += len(frame) - len(self._frames[index])
        self._frames[index] = frame


def _changes(event: Event) -> dict[str, Any]:
    """The fields that ``event`` changes in its message. None removes a field."""
    if event.type == EventType.MESSAGE_DELETED:
        removed = dict.fromkeys(("text", "mentions", "mentions_room", "data"))
        return {**removed, "deleted_at": iso(event.at)}
    return {"text": event.text, "edited_at": iso(event.at)}


class ReplayBuffers:
    """
    The buffers of a node, bounded per room and in all: the least recently grown is dropped first.

    Owned by the event loop; never awaits.
    """

    def __init__(
        self, room_bytes: int = REPLAY_BUFFER_ROOM_BYTES, bytes_: int = REPLAY_BUFFERS_BYTES
    ) -> None:
        self._room_bytes = room_bytes
        self._bytes = bytes_
        self._buffers: OrderedDict[RoomId, ReplayBuffer] = OrderedDict()
        self.size = 0
        """Bytes of all buffers."""

    def open(self, room: RoomId, delivered: int) -> ReplayBuffer:
        """Replace a room's buffer by an empty one that begins after ``delivered``."""
        self.drop(room)
        buffer = self._buffers[room] = ReplayBuffer(delivered + 1)
        return buffer

    def drop(self, room: RoomId) -> None:
        """Drop a room's buffer. Idempotent."""
        buffer = self._buffers.pop(room, None)
        if buffer is not None:
            self.size -= buffer.size

    def append(self, room: RoomId, frames: Sequence[bytes]) -> None:
        """Add the next events of a room."""
        buffer = self._buffers[room]
        before = buffer.size
        buffer.append(frames)
        self._grown(room, buffer, before)

    def prepend(
        self, room: RoomId, buffer: ReplayBuffer, first: int, frames: Sequence[bytes]
    ) -> None:
        """Add older events to a room's buffer, if it is still the room's and has the space."""
        if self._buffers.get(room) is not buffer:
            return
        size = sum(map(len, frames))
        if buffer.size + size <= self._room_bytes and self.size + size <= self._bytes:
            before = buffer.size
            buffer.prepend(first, frames)
            self._grown(room, buffer, before)

    def forget_before(self, room: RoomId, first: int) -> None:
        """Drop the events of a room before ``first``."""
        buffer = self._buffers.get(room)
        if buffer is not None:
            before = buffer.size
            buffer.forget_before(first)
            self.size += buffer.size - before

    def rewrite(self, room: RoomId, event: Event) -> None:
        """Apply an edit or a deletion that is about to be delivered."""
        buffer = self._buffers[room]
        before = buffer.size
        buffer.rewrite(event)
        self.size += buffer.size - before

    def _grown(self, room: RoomId, buffer: ReplayBuffer, before: int) -> None:
        self._buffers.move_to_end(room)
        buffer.trim(self._room_bytes)
        self.size += buffer.size - before
        for other in self._buffers.values():
            if self.size <= self._bytes:
                return
            if other is not buffer:
                self.size -= other.trim(0)
