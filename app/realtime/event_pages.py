"""
Pages of finished frames, and writing them no faster than they are read.

A page may be megabytes; what is unsent of it counts against the reader. So it is written a
piece at a time, and only as long as it is what would be read now: after an edit or a deletion,
what is left of it is read anew.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..domain.close_codes import SLOW_CONSUMER
from ..domain.limits import REPLAY_CHUNK_BYTES
from .connection import Subscription
from .outbox import Outbox


@dataclass(slots=True)
class EventPage:
    """Frames of a room, oldest first; a client that has them all stands at ``last``."""

    frames: Sequence[bytes]
    seqs: Sequence[int]
    last: int
    rewrites: int
    """How many edits and deletions of the room had been delivered when it was read."""
    whole: bytes = field(init=False)
    """All frames in one piece, for everybody who wants them; empty if that would be large."""

    def __post_init__(self) -> None:
        small = sum(map(len, self.frames)) <= REPLAY_CHUNK_BYTES
        self.whole = b"".join(self.frames) if small else b""


async def write(
    page: EventPage,
    subscription: Subscription,
    after: int,
    rewrites: Callable[[], int],
    send: Callable[[Outbox, bytes], None],
) -> int | None:
    """
    Write the frames of ``page`` after the seq ``after``, as fast as they are read.

    Args:
        rewrites: How many edits and deletions have been delivered by now.
        send: What writes them, by the next turn of the loop.

    Returns:
        Where the client stands; that is before the page's end if the page has become stale, or
        the room was left. None if the reader has stopped: its connection is closed.

    """
    outbox = subscription.connection.outbox
    start, end = 0, len(page.frames)
    while start < end and page.seqs[start] <= after:
        start += 1
    while start < end:
        if not subscription.is_current() or page.rewrites != rewrites():
            return after
        piece, stop = (page.whole, end) if page.whole and not start else _piece(page, start)
        send(outbox, piece)
        start, after = stop, page.seqs[stop - 1]
        if outbox.is_behind and not await outbox.drained():
            subscription.connection.close(SLOW_CONSUMER)
            return None
        if start < end:
            # A long replay from memory must not keep everybody else waiting.
            await asyncio.sleep(0)
    return page.last


def _piece(page: EventPage, start: int) -> tuple[bytes, int]:
    """Frames from ``start`` on, at least one, about as many as go out at once; and the end."""
    stop, size = start, 0
    while stop < len(page.frames) and size < REPLAY_CHUNK_BYTES:
        size += len(page.frames[stop])
        stop += 1
    return b"".join(page.frames[start:stop]), stop
