"""
Moving an installation to another database while its server uses it.

Changes are noted from the beginning (:mod:`app.store.change_capture`). Everything is copied page
by page, with pauses; what changes meanwhile is copied again by its key. Then what the target holds
is read and compared, writers are refused, the last changes are copied, and the source is marked as
moved in the transaction that has read them. Whatever fails before leaves the source as it is.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine
from functools import partial
from typing import Any, NamedTuple

from ..domain.errors import Unavailable
from ..domain.limits import INDEX_BATCH, SHARED_INDEX_BATCH
from ..domain.server_limits import (
    MOVE_CATCH_UP_SECONDS,
    MOVE_LIVE_ROWS,
    MOVE_PAUSE_FACTOR,
    MOVE_SWITCH_SECONDS,
)
from . import (
    audit,
    epoch,
    move_search,
    move_state,
    postgres_sequences,
    search_backlog,
    search_pending,
)
from .audit import AuditRecord
from .database import Database, DbConnection, T
from .digests import counts, differing, digests
from .errors import StoreError
from .live_copy import LiveCopy
from .loop_calls import LoopCalls
from .postgres_exclusion import lock_tables
from .table_pages import EVENTS, OTHERS, Row
from .write_gate import WriteGate

log = logging.getLogger("parley.move")

_TOO_LONG = (
    f"The last difference took longer than {MOVE_SWITCH_SECONDS:.0f} s. The server goes on with "
    "its database; run the move again."
)


class LiveProgress(NamedTuple):
    """How far a move is."""

    state: str
    """``copying``, ``comparing`` or ``switching``."""
    copied: int
    """Events so far."""
    events: int
    """How many there were at the beginning."""


class LiveMoved(NamedTuple):
    """What was moved."""

    rooms: int
    events: int
    changes: int
    """Rows that were copied again, because they changed meanwhile."""
    refused_seconds: float
    """How long writers were refused before the source was marked."""


class LiveMove:
    """
    One move. Used in the event loop, once.

    Args:
        gate: What the server writes through.
        source: The same database, without limits on the time of a transaction.
        target: Opened with ``moving``. Empty, or the target of an earlier run.
        to: The address of the target, which the source names from then on.
        record: The entry of the audit log, written in the transaction that marks the source.

    """

    def __init__(
        self,
        gate: WriteGate,
        source: Database,
        target: Database,
        *,
        to: str,
        target_url: str,
        record: AuditRecord,
        page_rows: int = MOVE_LIVE_ROWS,
    ) -> None:
        self._gate = gate
        self._source = source
        self._target = target
        self._to = to
        self._target_url = target_url
        self._record = record
        self._page_rows = page_rows
        self._copy = LiveCopy()
        self._in_loop = LoopCalls()
        self._changes = 0
        self._snapshot: asyncio.Future[None] | None = None
        self.progress = LiveProgress("copying", 0, 0)
        """How far it is."""

    @property
    def is_switching(self) -> bool:
        """Whether it must not be cancelled any more: it ends within MOVE_SWITCH_SECONDS."""
        return self.progress.state == "switching"

    async def run(self) -> LiveMoved:
        """
        Move everything. When it returns, the source is marked, and refuses writes for good.

        If it raises or is cancelled before :attr:`is_switching`, the source is as it was.

        Raises:
            StoreError: If the target is used, differs in the end, or can't be kept up.
            Unavailable: If one of them can't be read or written now.

        """
        try:
            for work in (await self._source.read(lambda c: c.change_capture)).begin():
                await self._source.write(work)
            await self._copy_all()
            await self._compare()
            await self._catch_up()
            return await self._switch()
        except BaseException:  # cancelled, too: no writer pays for what is of no use
            self._in_loop.end()
            await asyncio.shield(self._end_capture())
            raise

    async def _copy_all(self) -> None:
        name = await self._source.read(epoch.read)
        await self._target.write(partial(move_state.begin, epoch=name, url=self._target_url))
        await self._target.write(self._copy.clear)
        total = await self._source.read(_count_events)
        # On one snapshot, because they refer to each other.
        self._snapshot = asyncio.ensure_future(self._source.read(self._copy_others))
        await asyncio.shield(self._snapshot)
        after: Row | None = None
        while rows := await self._paced(
            self._source.read(partial(EVENTS.page, after=after, limit=self._page_rows))
        ):
            await self._paced(self._target.write(partial(self._copy.put_events, rows=rows)))
            after = EVENTS.key(rows[-1])
            self.progress = LiveProgress("copying", self.progress.copied + len(rows), total)
            await self._take_and_apply()
        await self._target.write(self._copy.end_events)
        await self._index_source()
        last = 0
        while documents := await self._paced(
            self._source.read(partial(move_search.texts, after=last, limit=self._page_rows))
        ):
            await self._paced(
                self._target.write(partial(self._copy.put_documents, rows=documents))
            )
            last = documents[-1][0]
            await self._take_and_apply()
        self._copy.end_documents()

    async def _index_source(self) -> None:
        """Complete the search index of the source, so that little is left for the switch."""
        if self._source.shared:
            step = partial(search_pending.index_next, events=SHARED_INDEX_BATCH, wait=True)
            while await self._paced(self._source.write(step)):
                pass
            return
        found = await self._source.read(search_backlog.find)
        for spans in search_backlog.batches(found, self._page_rows):
            await self._paced(self._source.write(partial(search_backlog.index, spans=spans)))
            await self._take_and_apply()

    def _copy_others(self, connection: DbConnection) -> None:
        for table in OTHERS:
            after = None
            while page := table.page(connection, after, self._page_rows):
                after = table.key(page[-1])
                began = time.monotonic()
                self._in_loop(self._target.write(partial(self._copy.put, table=table, rows=page)))
                time.sleep((time.monotonic() - began) * MOVE_PAUSE_FACTOR)

    async def _compare(self) -> None:
        """Read all that the target holds, and compare it with what was read from the source."""
        await self._catch_up()
        self.progress = self.progress._replace(state="comparing")
        await self._target.write(postgres_sequences.advance)
        await self._target.write(postgres_sequences.analyze)
        pause = _Pause()
        found = await self._target.read(partial(digests, page_rows=self._page_rows, pause=pause))
        if parts := differing(found, self._copy.tally.parts):
            raise StoreError(f"{parts[0]} is not the same in both databases. Run it again.")

    async def _catch_up(self) -> None:
        deadline = time.monotonic() + MOVE_CATCH_UP_SECONDS
        while await self._take_and_apply() >= self._page_rows:
            if time.monotonic() > deadline:
                raise StoreError(
                    "More is written than can be copied meanwhile. Run it again when less is "
                    "written, or stop the server."
                )

    async def _take_and_apply(self) -> int:
        """Copy the oldest changes; return how many were taken."""
        taken = await self._source.write(partial(self._copy.take, limit=self._page_rows))
        if taken.changes:
            await self._paced(self._target.write(partial(self._copy.apply, taken=taken)))
            self._changes += taken.changes
        return taken.changes

    async def _switch(self) -> LiveMoved:
        self.progress = self.progress._replace(state="switching")
        began = time.monotonic()
        self._in_loop.limit(MOVE_SWITCH_SECONDS, _TOO_LONG)
        async with self._gate.shut():
            rooms, events = await self._source.write(self._hand_over)
            self._gate.stay_shut()
        seconds = time.monotonic() - began
        try:
            await self._target.write(move_state.end)
        except Unavailable as exc:
            raise StoreError(
                "Everything was moved, but the target can't be written now. Run the move again, "
                "while the server is stopped, to complete it."
            ) from exc
        return LiveMoved(rooms, events, self._changes, seconds)

    def _hand_over(self, connection: DbConnection) -> tuple[int, int]:
        """Copy the last changes and mark the source, in one transaction of its writer."""
        lock_tables(connection, seconds=MOVE_SWITCH_SECONDS)
        _index(connection)
        audit.insert(connection, self._record)
        while (taken := self._copy.take(connection, self._page_rows)).changes:
            self._in_loop(self._target.write(partial(self._copy.apply, taken=taken)))
            self._changes += taken.changes
        here, there = counts(connection), self._in_loop(self._target.read(counts))
        if here != there:
            part = next(p for p in sorted({*here, *there}) if here.get(p) != there.get(p))
            raise StoreError(f"{part} has not as many rows in both databases. Run it again.")
        self._in_loop(self._target.write(postgres_sequences.advance))
        move_state.mark_moved(connection, self._to)
        connection.change_capture.refuse_writes(connection)
        rooms = sum(rows for part, rows in here.items() if part.table == "rooms")
        return rooms, sum(rows for part, rows in here.items() if part.table == EVENTS.name)

    async def _end_capture(self) -> None:
        if self._snapshot is not None:
            # It has locks, and ends soon.
            await asyncio.wait((self._snapshot,))
            if not self._snapshot.cancelled():
                self._snapshot.exception()
        try:
            for work in (await self._source.read(lambda c: c.change_capture)).end():
                await self._source.write(work)
        except Unavailable:
            # On PostgreSQL the next start of a server removes it.
            log.warning("move.capture_left")

    async def _paced(self, step: Coroutine[Any, Any, T]) -> T:
        """Pause after a step for as long as it took, so that sends keep priority."""
        began = time.monotonic()
        result = await step
        await asyncio.sleep((time.monotonic() - began) * MOVE_PAUSE_FACTOR)
        return result


class _Pause:
    """Sleeps in a thread for as long as the work since the last time took."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self) -> None:
        time.sleep((time.monotonic() - self._began) * MOVE_PAUSE_FACTOR)
        self._began = time.monotonic()


def _index(connection: DbConnection) -> None:
    """Complete the search index, as the server would shortly afterwards."""
    if not connection.is_only_writer:
        while search_pending.index_next(connection, SHARED_INDEX_BATCH, wait=True):
            pass
        return
    for spans in search_backlog.batches(search_backlog.find(connection), INDEX_BATCH):
        search_backlog.index(connection, spans)


def _count_events(connection: DbConnection) -> int:
    """About how many events there are: their numbers have no gaps, but for pinned messages."""
    ((events,),) = connection.rows("SELECT sum(head - first + 1) FROM rooms", {})
    return int(events or 0)
