"""
Pages of encoded events, and writing them no faster than the peer reads.

A page may be megabytes, and what is unsent of it counts against the peer. So a page is written
in chunks, each only while the page still shows what a read would show now: after an edit or a
deletion, the rest is stale and the caller reads it again.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..domain.connection_limits import REPLAY_CHUNK_BYTES
from .connection import Subscription
from .outbox import Outbox


@dataclass(slots=True)
class EventPage:
    """Encoded events of a room, oldest first. Shared by the replays that need them."""

    frames: Sequence[bytes]
    seqs: Sequence[int]
    last: int
    """Where a client stands that has received the whole page."""
    revision: int
    """The :attr:`app.realtime.room_feed.RoomFeed.revision` that it was read at."""
    joined: bytes = field(init=False)
    """All frames as one chunk, made once for all; empty if they are larger than a chunk."""

    def __post_init__(self) -> None:
        small = sum(map(len, self.frames)) <= REPLAY_CHUNK_BYTES
        self.joined = b"".join(self.frames) if small else b""


async def write_page(
    page: EventPage,
    subscription: Subscription,
    after: int,
    revision: Callable[[], int],
    write: Callable[[Outbox, bytes], None],
) -> int | None:
    """
    Write the frames of ``page`` after the seq ``after``, as fast as the peer reads.

    Args:
        revision: Returns the room's revision now.
        write: Writes finished frames to an outbox, by the next turn of the loop.

    Returns:
        The seq up to which frames were written: the page's last, or an earlier one if the page
        has become stale or the subscription has ended. None if the peer has stopped reading;
        its connection is then closed.

    """
    outbox = subscription.connection.outbox
    start, end = 0, len(page.frames)
    while start < end and page.seqs[start] <= after:
        start += 1
    while start < end:
        if subscription.ended or page.revision != revision():
            return after
        chunk, stop = (page.joined, end) if page.joined and not start else _chunk(page, start)
        write(outbox, chunk)
        start, after = stop, page.seqs[stop - 1]
        if outbox.is_behind and not await outbox.drained():
            return None
        if start < end:
            # A long replay from memory must not keep the loop busy.
            await asyncio.sleep(0)
    return page.last


def _chunk(page: EventPage, start: int) -> tuple[bytes, int]:
    """Frames from ``start`` on, at least one, of about a chunk's size; and where they end."""
    stop, size = start, 0
    while stop < len(page.frames) and size < REPLAY_CHUNK_BYTES:
        size += len(page.frames[stop])
        stop += 1
    return b"".join(page.frames[start:stop]), stop
