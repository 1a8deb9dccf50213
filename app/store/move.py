"""
Moving an installation to another database, of either engine: everything but the address stays.

Ids, numbers of events, the epoch, log-ins and keys are kept, so that clients go on from where they
are. The events, of which there are most, are copied once: a move that was interrupted goes on
after the last one. The other tables are copied anew by each run. In the end both databases are
read and compared, and the source is marked as moved in the transaction that reads it, during which
nothing else can write to it.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from ..domain.ids import SEQ_BITS
from ..domain.limits import INDEX_BATCH, SHARED_INDEX_BATCH
from ..domain.server_limits import MOVE_PAGE_ROWS
from . import epoch, move_search, move_state, postgres_sequences, search_backlog, search_pending
from .database import Database, DbConnection, Work
from .digests import Digest, Digests, Part, differing, digests
from .errors import StoreError
from .postgres_exclusion import MoveName, lock_tables
from .table_pages import EVENTS, OTHERS, Row, TablePages


class Side(NamedTuple):
    """One of the two databases of a move."""

    database: Database
    """Opened with ``moving``."""
    url: str
    """As servers have it."""


class Moved(NamedTuple):
    """How much was moved."""

    rooms: int
    events: int


async def move(
    source: Side, target: Side, name: MoveName, *, to: str, page_rows: int = MOVE_PAGE_ROWS
) -> Moved:
    """
    Move everything in ``source`` to ``target``, which is empty or the target of an earlier run.

    When this returns, servers open the target and refuse the source. If it raises or is cancelled,
    at most one of them can be served: the source, or none if it had been marked as moved already.
    Call it again then, and it goes on.

    Args:
        to: The address of the target, which the source names from then on.
        page_rows: How many rows are in memory at once.

    Raises:
        StoreError: If something else uses one of them, if the target is used, or if the two differ
            in the end.
        Unavailable: If one of them can't be read or written now.

    """
    for side in source, target:
        await side.database.read(partial(name.refuse_others, url=side.url))
    copying = _Copying(source.database, target.database, page_rows)
    await target.database.write(
        partial(move_state.begin, epoch=await source.database.read(epoch.read), url=target.url)
    )
    await copying.run()

    def hand_over(copied: Digests) -> Work[list[Part]]:
        def work(connection: DbConnection) -> list[Part]:
            lock_tables(connection)
            name.refuse_others(connection, source.url)
            found = differing(digests(connection, page_rows), copied)
            if not found:
                move_state.mark_moved(connection, to)
            return found

        return work

    copied = await copying.digests()
    if found := await source.database.write(hand_over(copied)):
        # It was served between two runs, and events that had been copied have changed.
        await copying.repair({part.room for part in found if part.table == EVENTS.name})
        copied = await copying.digests()
        if found := await source.database.write(hand_over(copied)):
            raise StoreError(f"{found[0]} is not the same in both databases. Run it again.")
    await target.database.write(move_state.end)
    rooms = copied.get(Part("rooms"), Digest(0, 0)).rows
    events = sum(digest.rows for part, digest in copied.items() if part.table == EVENTS.name)
    return Moved(rooms, events)


class _Copying:
    """Copying from one database to another, page by page."""

    def __init__(self, source: Database, target: Database, page_rows: int) -> None:
        self._source = source
        self._target = target
        self._page_rows = page_rows

    async def run(self) -> None:
        """Copy what the target has not."""
        await self._index_source()
        await self._copy(EVENTS, await self._target.read(EVENTS.last))
        await self._target.write(move_state.clear_others)
        for table in OTHERS:
            await self._copy(table)
        await self._index(await self._target.read(move_search.last))
        await self._target.write(_finish)

    async def repair(self, rooms: set[int]) -> None:
        """Copy the events of some rooms anew, and make the search index anew."""
        for room in sorted(rooms):
            low, high = room << SEQ_BITS, room + 1 << SEQ_BITS
            await self._target.write(partial(EVENTS.clear_range, low=low, high=high))
            await self._copy(EVENTS, (low,), before=high)
        await self._target.write(move_search.clear)
        await self._index(0)
        await self._target.write(_finish)

    async def digests(self) -> Digests:
        """Return the digests of the target."""
        return await self._target.read(partial(digests, page_rows=self._page_rows))

    async def _index_source(self) -> None:
        """Complete the search index of the source, as the server would at its next start."""
        if self._source.shared:
            step = partial(search_pending.index_next, events=SHARED_INDEX_BATCH, wait=True)
            while await self._source.write(step):
                pass
            return
        found = await self._source.read(search_backlog.find)
        for spans in search_backlog.batches(found, INDEX_BATCH):
            await self._source.write(partial(search_backlog.index, spans=spans))

    async def _copy(
        self, table: TablePages, after: Row | None = None, *, before: int | None = None
    ) -> None:
        def work(after: Any) -> Work[Sequence[Row]]:
            return partial(table.page, after=after, limit=self._page_rows, before=before)

        def write(rows: Sequence[Row]) -> Work[None]:
            return partial(
                table.insert, rows=[row for row in rows if move_state.is_copied(table, row)]
            )

        await self._pages(work, lambda row: table.key(row), write, after)

    async def _index(self, after: int) -> None:
        def work(after: Any) -> Work[Sequence[Any]]:
            return partial(move_search.texts, after=after, limit=self._page_rows)

        def write(rows: Sequence[Any]) -> Work[None]:
            return partial(move_search.insert, rows=rows)

        await self._pages(work, lambda row: row[0], write, after)

    async def _pages(
        self,
        read: Callable[[Any], Work[Sequence[Any]]],
        key: Callable[[Any], Any],
        write: Callable[[Sequence[Any]], Work[None]],
        after: Any,
    ) -> None:
        """Write one page to the target while the next one is read from the source."""
        page = await self._source.read(read(after))
        while page:
            page, _ = await asyncio.gather(
                self._source.read(read(key(page[-1]))), self._target.write(write(page))
            )


def _finish(connection: DbConnection) -> None:
    if not connection.is_only_writer:
        postgres_sequences.advance(connection)
        postgres_sequences.analyze(connection)
