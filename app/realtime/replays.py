"""
Pages of the log for those who join, each read and encoded once for all who want it.

The tail serves what is recent; what is older is read from disk, a bounded number of pages at
a time, and kept in the tail if it fits.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

import orjson

from app.domain.errors import Gone, Unavailable
from app.domain.limits import (
    MAX_DISK_REPLAYS,
    MAX_REMEMBERED_PAGES,
    MAX_STALE_READS,
    REPLAY_CHUNK_BYTES,
    REPLAY_PAGE_EVENTS,
)
from app.realtime.event_pages import Page
from app.realtime.feed import RoomFeed
from app.realtime.replay_buffer import ReplayBuffers
from app.store import events as event_store
from app.store import messages as message_store
from app.store.database import Database, T, Work
from app.wire.events import encode_batch
from app.wire.frames import text_frame
from app.wire.messages import message_event


class Replays:
    """Reads what joiners need, together."""

    def __init__(self, database: Database, replay_buffers: ReplayBuffers) -> None:
        self._database = database
        self._replay_buffers = replay_buffers
        self._turns = asyncio.Semaphore(MAX_DISK_REPLAYS)
        self._flights: dict[Hashable, asyncio.Task[Any]] = {}

    async def after(self, warm: RoomFeed, seq: int, upto: int) -> Page:
        """
        Events after ``seq``, at least one, not beyond ``upto``.

        Raises:
            Gone: If the next one has just been removed.
            Unavailable: If the log can't be read now.

        """
        if warm.tail is not None:
            found = warm.tail.after(seq, upto, REPLAY_CHUNK_BYTES)
            if found is not None:
                frames, last = found
                return Page((frames,), (last,), last, warm.rewrites)
        if warm.tail is not None and seq + 1 < warm.tail.first:
            upto = min(upto, warm.tail.first - 1)
        return await self._once((warm.room, seq, upto), lambda: self._read(warm, seq, upto))

    async def newest(self, warm: RoomFeed, room: str, limit: int, upto: int) -> Page:
        """
        The newest ``limit`` messages up to ``upto``, as they are now.

        Raises:
            Unavailable: If the log can't be read now.

        """
        kept = warm.newest.get(limit)
        # Good as long as nothing has been delivered since.
        if kept is not None and kept.last == upto == warm.delivered:
            return kept
        key = (warm.room, "newest", limit, upto)
        return await self._once(key, lambda: self._read_newest(warm, room, limit, upto))

    async def _once(self, key: Hashable, read: Callable[[], Awaitable[Page]]) -> Page:
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.create_task(self._in_turn(read))
            self._flights[key] = flight
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        # One who goes away must not end what others wait for.
        page: Page = await asyncio.shield(flight)
        return page

    async def _in_turn(self, read: Callable[[], Awaitable[Page]]) -> Page:
        async with self._turns:
            return await read()

    async def _read(self, warm: RoomFeed, seq: int, upto: int) -> Page:
        run, rewrites = await self._read_fresh(
            warm,
            lambda c: event_store.batch_after(
                c, warm.room, seq, upto=upto, limit=REPLAY_PAGE_EVENTS
            ),
        )
        if run is None or run.first > seq + 1:
            raise Gone
        frames = encode_batch(run)
        if warm.tail is not None and run.last + 1 == warm.tail.first:
            self._replay_buffers.prepend(warm.room, run.first, frames)
        return Page(frames, range(run.first, run.last + 1), run.last, rewrites)

    async def _read_newest(self, warm: RoomFeed, room: str, limit: int, upto: int) -> Page:
        found, rewrites = await self._read_fresh(
            warm, lambda c: message_store.before(c, warm.room, upto + 1, limit)
        )
        frames = [text_frame(orjson.dumps(message_event(m, room))) for m in found.messages]
        page = Page(frames, [message.seq for message in found.messages], upto, rewrites)
        if len(warm.newest) >= MAX_REMEMBERED_PAGES:
            warm.newest.clear()
        warm.newest[limit] = page
        return page

    async def _read_fresh(self, warm: RoomFeed, work: Work[T]) -> tuple[T, int]:
        """What is read, and after how many edits and deletions: none went out meanwhile."""
        for _ in range(MAX_STALE_READS):
            rewrites = warm.rewrites
            found = await self._database.read(work)
            if rewrites == warm.rewrites:
                return found, rewrites
        # Who asks is told to come back, and takes none of the turns meanwhile.
        raise Unavailable
