"""
Pages of the log for those who join, each read and encoded once for all who want it.

The tail serves what is recent; what is older is read from disk, a bounded number of pages at
a time, and kept in the tail if it fits.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

import orjson

from ..domain.errors import Gone, Unavailable
from ..domain.limits import (
    MAX_DISK_REPLAYS,
    MAX_REMEMBERED_PAGES,
    MAX_STALE_READS,
    REPLAY_CHUNK_BYTES,
    REPLAY_PAGE_EVENTS,
)
from ..store import events as event_store
from ..store import messages as message_store
from ..store.database import Database, T, Work
from ..wire.encoding import encode_batch
from ..wire.frames import text_frame
from ..wire.messages import message_event
from .event_pages import EventPage
from .feed import RoomFeed
from .replay_buffer import ReplayBuffers


class Replays:
    """Reads what joiners need, together."""

    def __init__(self, database: Database, replay_buffers: ReplayBuffers) -> None:
        self._database = database
        self._replay_buffers = replay_buffers
        self._turns = asyncio.Semaphore(MAX_DISK_REPLAYS)
        self._flights: dict[Hashable, asyncio.Task[Any]] = {}

    async def after(self, room_feed: RoomFeed, seq: int, upto: int) -> EventPage:
        """
        Events after ``seq``, at least one, not beyond ``upto``.

        Raises:
            Gone: If the next one has just been removed.
            Unavailable: If the log can't be read now.

        """
        if room_feed.buffer is not None:
            found = room_feed.buffer.after(seq, upto, REPLAY_CHUNK_BYTES)
            if found is not None:
                frames, last = found
                return EventPage((frames,), (last,), last, room_feed.rewrites)
        if room_feed.buffer is not None and seq + 1 < room_feed.buffer.first:
            upto = min(upto, room_feed.buffer.first - 1)
        return await self._once(
            (room_feed.room, seq, upto), lambda: self._read(room_feed, seq, upto)
        )

    async def newest(self, room_feed: RoomFeed, room: str, limit: int, upto: int) -> EventPage:
        """
        The newest ``limit`` messages up to ``upto``, as they are now.

        Raises:
            Unavailable: If the log can't be read now.

        """
        kept = room_feed.newest.get(limit)
        # Good as long as nothing has been delivered since.
        if kept is not None and kept.last == upto == room_feed.delivered:
            return kept
        key = (room_feed.room, "newest", limit, upto)
        return await self._once(key, lambda: self._read_newest(room_feed, room, limit, upto))

    async def _once(self, key: Hashable, read: Callable[[], Awaitable[EventPage]]) -> EventPage:
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.create_task(self._in_turn(read))
            self._flights[key] = flight
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        # One who goes away must not end what others wait for.
        page: EventPage = await asyncio.shield(flight)
        return page

    async def _in_turn(self, read: Callable[[], Awaitable[EventPage]]) -> EventPage:
        async with self._turns:
            return await read()

    async def _read(self, room_feed: RoomFeed, seq: int, upto: int) -> EventPage:
        batch, rewrites = await self._read_fresh(
            room_feed,
            lambda c: event_store.batch_after(
                c, room_feed.room, seq, upto=upto, limit=REPLAY_PAGE_EVENTS
            ),
        )
        if batch is None or batch.first > seq + 1:
            raise Gone
        frames = encode_batch(batch)
        if room_feed.buffer is not None and batch.last + 1 == room_feed.buffer.first:
            self._replay_buffers.prepend(room_feed.room, batch.first, frames)
        return EventPage(frames, range(batch.first, batch.last + 1), batch.last, rewrites)

    async def _read_newest(
        self, room_feed: RoomFeed, room: str, limit: int, upto: int
    ) -> EventPage:
        found, rewrites = await self._read_fresh(
            room_feed, lambda c: message_store.before(c, room_feed.room, upto + 1, limit)
        )
        frames = [text_frame(orjson.dumps(message_event(m, room))) for m in found.messages]
        page = EventPage(frames, [message.seq for message in found.messages], upto, rewrites)
        if len(room_feed.newest) >= MAX_REMEMBERED_PAGES:
            room_feed.newest.clear()
        room_feed.newest[limit] = page
        return page

    async def _read_fresh(self, room_feed: RoomFeed, work: Work[T]) -> tuple[T, int]:
        """What is read, and after how many edits and deletions: none went out meanwhile."""
        for _ in range(MAX_STALE_READS):
            rewrites = room_feed.rewrites
            found = await self._database.read(work)
            if rewrites == room_feed.rewrites:
                return found, rewrites
        # Who asks is told to come back, and takes none of the turns meanwhile.
        raise Unavailable
