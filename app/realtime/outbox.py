"""
What is on its way to one socket, and how much of it.

No task, queue or lock on the fast path: a write is a write to the transport. A reader that
falls behind is cut off; it resumes from the log and has lost nothing.
"""

import asyncio
from collections.abc import Callable

from ..domain.ids import RoomId
from ..domain.limits import MAX_UNSENT_IN_REPLAY_BYTES, REPLAY_STALL_SECONDS
from ..transport.base import Transport
from ..wire.frames import text_frame


class Outbox:
    """
    The way to one socket. Never waits, never raises.

    Args:
        limit: Bytes that may be unsent, 0 for no limit. Beyond it ``overflow`` is called,
            once, and nothing more is taken.

    """

    __slots__ = (
        "_transport",
        "_limit",
        "_overflow",
        "_pending",
        "_stall_seconds",
        "_write",
        "_unsent",
        "deferred_replies",
        "closed",
        "queued_for_fanout",
    )

    def __init__(
        self,
        transport: Transport,
        limit: int,
        overflow: Callable[[], None],
        *,
        stall_seconds: float = REPLAY_STALL_SECONDS,
    ) -> None:
        self._stall_seconds = stall_seconds
        self._transport = transport
        self._limit = limit
        self._overflow = overflow
        self._pending: list[bytes] = []
        self.deferred_replies: dict[RoomId, list[bytes]] = {}
        """Those that go behind the next frames of a room."""
        self._write = transport.write
        self._unsent = transport.unsent
        self.closed = False
        self.queued_for_fanout = False
        """Whether it has a place in the fan-out's queue."""

    def prefix_first_write(self, answer: Callable[[], bytes]) -> None:
        """Let the first write begin with what ``answer`` brings then: that of a handshake."""
        write = self._write

        def begin(frames: bytes) -> None:
            self._write = write
            write(answer() + frames)

        self._write = begin

    def write(self, frames: bytes) -> None:
        """Send finished frames, after all that was given before."""
        if self.closed:
            return
        if self._pending:
            self._pending.append(frames)
            frames = b"".join(self._pending)
            self._pending.clear()
        if self._limit and self._unsent() > self._limit:
            self.closed = True
            self._overflow()
            return
        try:
            self._write(frames)
        except (OSError, RuntimeError):
            # The peer has gone, and we have not heard of it yet.
            self.closed = True

    def send(self, payload: bytes) -> None:
        """Send one payload in a frame of its own."""
        self.write(text_frame(payload))

    def write_later(self, frames: bytes) -> None:
        """Keep finished frames until :meth:`flush` or the next write, so that they share it."""
        self._pending.append(frames)

    def defer_reply(self, room: RoomId, payload: bytes) -> None:
        """Keep a reply for :meth:`write_with_replies`, or :meth:`flush` if no frames come."""
        self.deferred_replies.setdefault(room, []).append(text_frame(payload))

    def write_with_replies(self, room: RoomId, frames: bytes) -> bool:
        """Send finished frames of a room and the answers to who made them; False: no answers."""
        answers = self.deferred_replies.pop(room, None)
        if answers is None:
            return False
        self.write(frames + b"".join(answers))
        return True

    def flush(self) -> None:
        """Send what was kept."""
        for answers in self.deferred_replies.values():
            self._pending += answers
        self.deferred_replies.clear()
        if self._pending:
            frames = b"".join(self._pending)
            self._pending.clear()
            self.write(frames)

    def finish(self) -> None:
        """Send what was kept, or at least answer the handshake, and take nothing more."""
        # If nothing was kept, it is the answer alone that goes out.
        self._pending.append(b"")
        self.flush()
        self.closed = True

    def signal(self, frames: bytes) -> None:
        """Send what may be lost: dropped when the reader is behind."""
        if frames and (not self._limit or self._unsent() * 4 < self._limit):
            self.write(frames)

    @property
    def unsent(self) -> int:
        """Bytes that the peer has not taken."""
        return self._unsent()

    @property
    def is_behind(self) -> bool:
        """Whether so much is unsent, or kept, that a replay should wait."""
        waiting = self._unsent() + sum(map(len, self._pending))
        return waiting * 2 > (self._limit or MAX_UNSENT_IN_REPLAY_BYTES)

    async def drained(self) -> bool:
        """
        Wait until a replay can go on.

        Returns:
            False if the reader has taken nothing for too long.

        """
        self.flush()
        while self.is_behind and not self.closed:
            before = self._unsent()
            try:
                async with asyncio.timeout(self._stall_seconds):
                    await self._transport.drained()
            except TimeoutError:
                if self._unsent() >= before:
                    return False
        return True

    def abort(self) -> None:
        """Let go of the peer."""
        self.closed = True
        self._transport.abort()
