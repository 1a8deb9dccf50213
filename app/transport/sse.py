"""Finished frames of a room's events as server-sent events, for a stream over plain HTTP."""

import asyncio
import re
from collections.abc import Callable

from ..domain.connection_limits import PROBE_LOOK_SECONDS
from ..wire.websocket_frame import payloads_of

# How every event begins. Other frames are not sent on a stream.
_EVENT = re.compile(rb'\{"type":"[a-z]+\.[a-z]+","room":"[^"]*","seq":(\d+),')


class SseTransport:
    """
    Written to by an :class:`app.realtime.outbox.Outbox`; one task takes and sends the chunks.

    What has been taken counts as unsent until :meth:`sent`.

    Args:
        epoch: The history that the events belong to. It is in each ``id``, which a browser
            returns as ``Last-Event-ID``: a bare seq would also fit a history restored since.

    """

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch.encode("ascii")
        self._chunks: list[bytes] = []
        self._unsent = 0
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.finished = False
        """Whether the next :meth:`take` returns the last chunk."""

    def write(self, frames: bytes) -> None:
        """Take finished frames, without waiting."""
        for payload in payloads_of(frames):
            begins = _EVENT.match(payload)
            if begins is not None:
                self._put(b"id: %s-%s\ndata: %s\n\n" % (begins[1], self._epoch, payload))

    def finish(self, payload: bytes) -> None:
        """Say why the stream ends, after all that was given before."""
        self._put(b"event: end\ndata: %s\n\n" % payload)
        self.finished = True

    def ping(self) -> None:
        """Write a comment, which clients ignore."""
        self._put(b": ping\n\n")

    async def probe(self, unacknowledged: Callable[[], int], within: float) -> bool:
        """
        Whether the peer's TCP acknowledges something ``within`` so many seconds. Safe to cancel.

        A stream has no pongs: a comment is written, so that there is something to acknowledge.

        Args:
            unacknowledged: The bytes of the connection that are not yet.

        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        self.ping()
        before = 0
        while loop.time() < deadline:
            await asyncio.sleep(min(PROBE_LOOK_SECONDS, within / 2))
            now = unacknowledged()
            # Not before the comment has left: else there may be nothing to acknowledge.
            if now < before or not (now or self._unsent):
                return True
            before = now
        return False

    def unsent(self) -> int:
        """Bytes taken that have not left."""
        return self._unsent

    def abort(self) -> None:
        """Forget what has not been taken."""
        self._chunks.clear()
        self.sent()

    async def drained(self) -> None:
        """Wait until nothing is unsent."""
        await self._idle.wait()

    async def take(self) -> bytes:
        """What there is to send, as soon as there is something. Safe to cancel."""
        await self._work.wait()
        self._work.clear()
        taken = b"".join(self._chunks)
        self._chunks.clear()
        return taken

    def sent(self) -> None:
        """What was taken has left."""
        self._unsent = sum(map(len, self._chunks))
        if not self._unsent:
            self._idle.set()

    def _put(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._unsent += len(chunk)
        self._work.set()
        self._idle.clear()
