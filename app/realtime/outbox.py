"""
The outgoing frames of one connection.

No task, queue or lock: a write is a write to the transport, in the same call. How much may be
unsent, and what happens beyond that, is decided by :mod:`app.realtime.slow_consumer`.
"""

import asyncio
from collections.abc import Callable

from ..domain.close_codes import Close
from ..domain.ids import RoomId
from ..transport.base import Transport
from ..wire.websocket_frame import text_frame
from .slow_consumer import SlowConsumerPolicy


class Outbox:
    """
    Writes finished frames to one connection, in the order of the calls.

    Used in the event loop. Except for :meth:`drained`, no method awaits; none raises. A frame
    that was written may still be lost with the peer: the log has every event.

    Args:
        slow_consumer: When the peer is too slow.
        close: Called with the close code, at most once, when the peer is too slow. Nothing is
            written after that.

    """

    __slots__ = (
        "_transport",
        "_close",
        "_limit",
        "_pending",
        "_signal_limit",
        "_slow_consumer",
        "_write",
        "_unsent",
        "deferred_replies",
        "closed",
        "queued_for_fanout",
    )

    def __init__(
        self,
        transport: Transport,
        slow_consumer: SlowConsumerPolicy,
        close: Callable[[Close], None],
    ) -> None:
        self._transport = transport
        self._slow_consumer = slow_consumer
        # Copied, since they are read for every frame.
        self._limit = slow_consumer.max_unsent_bytes
        self._signal_limit = slow_consumer.signal_bytes
        self._close = close
        # Finished frames that share the next write.
        self._pending: list[bytes] = []
        self.deferred_replies: dict[RoomId, list[bytes]] = {}
        """Frames that follow the next events of a room."""
        self._write = transport.write
        self._unsent = transport.unsent
        self.closed = False
        """Whether everything that is written from now on is dropped."""
        self.queued_for_fanout = False
        """Whether the fan-out has this in its queue. The fan-out alone changes it."""

    def prefix_first_write(self, answer: Callable[[], bytes]) -> None:
        """Prepend what ``answer`` returns, the answer to the handshake, to the first write."""
        write = self._write

        def begin(frames: bytes) -> None:
            self._write = write
            write(answer() + frames)

        self._write = begin

    def write(self, frames: bytes) -> None:
        """Write finished frames, together with what :meth:`write_later` has kept."""
        if self.closed:
            return
        if self._pending:
            self._pending.append(frames)
            frames = b"".join(self._pending)
            self._pending.clear()
        if self._limit and self._unsent() > self._limit:
            self.closed = True
            self._close(self._slow_consumer.close_code)
            return
        try:
            self._write(frames)
        except (OSError, RuntimeError):
            # The peer is gone, and the transport has not reported it yet.
            self.closed = True

    def send(self, payload: bytes) -> None:
        """Write one payload as a frame of its own."""
        self.write(text_frame(payload))

    def write_later(self, frames: bytes) -> None:
        """Keep finished frames until the next :meth:`write` or :meth:`flush`."""
        self._pending.append(frames)

    def defer_reply(self, room: RoomId, payload: bytes) -> None:
        """Keep a reply for the next events of ``room``, or for :meth:`flush` if none come."""
        self.deferred_replies.setdefault(room, []).append(text_frame(payload))

    def write_with_replies(self, room: RoomId, frames: bytes) -> bool:
        """Write frames of ``room``, then the replies deferred for it. False if there are none."""
        replies = self.deferred_replies.pop(room, None)
        if replies is None:
            return False
        self.write(frames + b"".join(replies))
        return True

    def flush(self) -> None:
        """Write everything that was kept."""
        for replies in self.deferred_replies.values():
            self._pending += replies
        self.deferred_replies.clear()
        if self._pending:
            frames = b"".join(self._pending)
            self._pending.clear()
            self.write(frames)

    def finish(self) -> None:
        """Write everything that was kept, at least the answer to the handshake; then close."""
        # An empty write, so that the answer goes out even if nothing was kept.
        self._pending.append(b"")
        self.flush()
        self.closed = True

    def signal(self, frames: bytes) -> None:
        """Write frames that may be lost: they are dropped while the peer is behind."""
        if frames and (not self._limit or self._unsent() < self._signal_limit):
            self.write(frames)

    @property
    def unsent(self) -> int:
        """Bytes written that the peer has not taken."""
        return self._unsent()

    @property
    def is_behind(self) -> bool:
        """Whether a replay should pause. What is kept counts as well."""
        waiting = self._unsent() + sum(map(len, self._pending))
        return waiting > self._slow_consumer.replay_bytes

    async def drained(self) -> bool:
        """
        Wait until a replay can go on. Safe to cancel.

        Returns:
            False if the peer has stopped reading, and the connection is being closed for it.

        """
        while True:
            # What is kept counts as well, and no transport sends it.
            self.flush()
            if self.closed or not self.is_behind:
                return True
            before = self._unsent()
            try:
                async with asyncio.timeout(self._slow_consumer.stall_seconds):
                    await self._transport.drained()
            except TimeoutError:
                if self._unsent() >= before:
                    self._close(self._slow_consumer.close_code)
                    return False
            # Whatever the transport says: this loop never keeps the event loop to itself.
            await asyncio.sleep(0)

    def abort(self) -> None:
        """Drop the peer and everything unsent."""
        self.closed = True
        self._transport.abort()
