"""
Group commit: the only code that writes events.

All appends in flight on this node form a batch, in order of arrival: one transaction, one
synchronous function, a fixed number of statements. A lone append waits for nobody; under
load the batch that gathers while the last one commits is as large as the load. Answers are
given after COMMIT and never before.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from ...domain.appends import Append, Committed
from ...domain.decide import decide
from ...domain.errors import Internal, ParleyError, Unavailable
from ...domain.events import Event, EventBatch, users_of
from ...domain.ids import RoomId, UserId
from ...domain.limits import (
    FAILED_COMMITS_UNTIL_NOT_READY,
    GATHER_SHARE,
    MAX_BATCH_APPENDS,
    MAX_BATCH_ROOMS,
    MAX_GATHER_SECONDS,
    MAX_QUEUED_APPENDS,
)
from ...domain.working_set import WorkingSet
from ...store import log_writer, read_markers, working_set_loader
from ...store.database import Database, DbConnection
from ...store.read_markers import Mark
from ...store.usernames import usernames
from .read_receipt_buffer import ReadReceiptBuffer
from .seams import Seam
from .writer_pacing import WriterPacing

log = logging.getLogger("parley.committer")

AppendResult = Committed | ParleyError


class CommitResult(NamedTuple):
    """What a transaction has done: an outcome per append, a run per room."""

    outcomes: list[AppendResult]
    event_batches: list[EventBatch]


class Committer:
    """The queue of appends, and the task that commits them. One per node."""

    def __init__(
        self,
        database: Database,
        *,
        on_committed: Seam[Sequence[EventBatch]],
        receipts: ReadReceiptBuffer,
        pacing: WriterPacing,
        max_batch_appends: int = MAX_BATCH_APPENDS,
        max_batch_rooms: int = MAX_BATCH_ROOMS,
        max_queued_appends: int = MAX_QUEUED_APPENDS,
    ) -> None:
        self._database = database
        self._on_committed = on_committed
        self._receipts = receipts
        self._pacing = pacing
        self._max_batch_appends = max_batch_appends
        self._max_batch_rooms = max_batch_rooms
        self._max_queued_appends = max_queued_appends
        self._queue: deque[tuple[Append, Callable[[AppendResult], None]]] = deque()
        self._work = asyncio.Event()
        self._closing = False
        # Of the last batch: how long it took to write, when it was answered, and how many the
        # next one has if all who were answered go on.
        self._last_seconds = 0.0
        self._answered = 0.0
        self._expected = 0
        receipts.wake_by(self._work.set)
        self.failures = 0
        """Commits that failed in a row."""
        self.finished = asyncio.Event()
        """Set when :meth:`run` has returned: everything that was taken is answered."""

    @property
    def ready(self) -> bool:
        """Whether commits have been getting through."""
        return self.failures < FAILED_COMMITS_UNTIL_NOT_READY

    def submit(self, append: Append, answer: Callable[[AppendResult], None]) -> None:
        """
        Queue ``append``; ``answer`` is called once, in the event loop, after the commit.

        Never waits: appends reach the log in the order of these calls.

        Raises:
            Unavailable: If too many wait already, or the server is about to stop.

        """
        if self._closing or len(self._queue) >= self._max_queued_appends:
            raise Unavailable
        self._queue.append((append, answer))
        if not self._work.is_set():
            # It begins in the next turn, where a slice is due already.
            self._pause_fanout()
            self._work.set()

    async def append(self, append: Append) -> Committed:
        """
        Append, and wait until it is on disk.

        Safe to cancel: the append is then carried out unseen, or, if it still waited in the
        queue, carried out all the same. A retry with the same client id tells.

        Raises:
            ParleyError: Why it was refused.

        """
        future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()

        def answer(outcome: AppendResult) -> None:
            if future.done():
                return
            if isinstance(outcome, Committed):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)

        self.submit(append, answer)
        return await future

    async def run(self) -> None:
        """Commit batches until :meth:`close`; what was queued by then is committed."""
        while True:
            if not self._queue and not self._receipts.due:
                if self._closing:
                    self.finished.set()
                    return
                self._work.clear()
                await self._work.wait()
                if asyncio.get_running_loop().time() - self._answered > self._patience:
                    self._expected = 0
                continue
            await self._gather()
            await self._commit(self._take())

    def close(self) -> None:
        """Take no more. :meth:`run` returns when the queue is empty."""
        self._closing = True
        self._receipts.flush()
        self._work.set()

    @property
    def _patience(self) -> float:
        """Seconds that a pause of those just answered may take."""
        return min(self._last_seconds * GATHER_SHARE, MAX_GATHER_SECONDS)

    async def _gather(self) -> None:
        """
        Let those who were just answered join the batch.

        Senders in step with the commits would else split into two halves that take turns, at
        twice the price. A lone sender is all that is expected and waits for nobody; nor does
        the first after a pause.
        """
        queue, expected, patience = self._queue, self._expected, self._patience
        time = asyncio.get_running_loop().time
        began = grew = time()
        while 0 < (size := len(queue)) < expected:
            # A turn of the loop reads what has arrived, which has to be done anyway.
            await asyncio.sleep(0)
            now = time()
            if len(queue) > size:
                grew = now
            elif now - grew > patience or now - began > self._last_seconds:
                return

    def _take(self) -> list[tuple[Append, Callable[[AppendResult], None]]]:
        queue = self._queue
        if len(queue) <= self._max_batch_appends and not self._database.shared:
            batch = list(queue)
            queue.clear()
            return batch
        batch = []
        rooms: set[RoomId] = set()
        while queue and len(batch) < self._max_batch_appends:
            rooms.add(queue[0][0].room)
            if len(rooms) > self._max_batch_rooms:
                break
            batch.append(queue.popleft())
        return batch

    async def _commit(self, batch: list[tuple[Append, Callable[[AppendResult], None]]]) -> None:
        appends = [append for append, _ in batch]
        marks = self._receipts.take()
        time = asyncio.get_running_loop().time
        began = time()
        result = await self._write(appends, marks)
        self._last_seconds = time() - began
        # Answers go out with the events that they are about, behind them: in this turn.
        for (_, answer), outcome in zip(batch, result.outcomes, strict=True):
            answer(outcome)
        try:
            if result.event_batches:
                self._on_committed.announce(result.event_batches)
        except Exception:  # what is committed is committed: its senders hear so, and others go on
            log.exception("committer.not_published")
        self._expected = min(len(self._queue) + len(batch), self._max_batch_appends)
        self._answered = time()

    async def _write(self, appends: Sequence[Append], marks: Sequence[Mark]) -> CommitResult:
        try:
            result = await self._transact(appends, marks)
        except Unavailable as exc:
            # Whether it was committed is not known: a retry with the same id finds out.
            self.failures += 1
            self._receipts.put_back(marks)
            return CommitResult([exc] * len(appends), [])
        except Exception:  # a row that the database refuses; which one, each alone will show
            log.exception("committer.batch_refused", extra={"appends": len(appends)})
            return await self._one_by_one(appends, marks)
        self.failures = 0
        return result

    async def _transact(self, appends: Sequence[Append], marks: Sequence[Mark]) -> CommitResult:
        prepared = None if self._database.shared else self._pacing.resume_from_thread
        work = partial(commit, appends=appends, marks=marks, prepared=prepared)
        self._pause_fanout()
        try:
            return await self._database.write(work)
        finally:
            self._pacing.resume()

    def _pause_fanout(self) -> None:
        # The writer's thread and this one would take turns with the interpreter, until it
        # waits for the disk.
        if not self._database.shared:
            self._pacing.pause()

    async def _one_by_one(self, appends: Sequence[Append], marks: Sequence[Mark]) -> CommitResult:
        outcomes: list[AppendResult] = []
        event_batches: list[EventBatch] = []
        for append in appends:
            try:
                alone = await self._database.write(partial(commit, appends=[append]))
            except Unavailable as exc:
                outcomes.append(exc)
            except Exception:  # this is the one; nothing of it was written
                log.exception("committer.append_refused", extra={"append": type(append).__name__})
                outcomes.append(Internal())
            else:
                outcomes += alone.outcomes
                event_batches += alone.event_batches
        self._receipts.put_back(marks)
        return CommitResult(outcomes, event_batches)


def commit(
    connection: DbConnection,
    appends: Sequence[Append],
    marks: Sequence[Mark] = (),
    *,
    prepared: Callable[[], None] | None = None,
) -> CommitResult:
    """
    Decide and write one batch, in the caller's transaction. Blocks; runs in a thread.

    Args:
        prepared: Called when nothing is left to do but COMMIT.

    """
    outcomes: list[AppendResult] = []
    event_batches: list[EventBatch] = []
    if appends:
        ws = working_set_loader.load(connection, appends)
        outcomes = [_decide(ws, append) for append in appends]
        log_writer.save(connection, ws)
        event_batches = _event_batches(connection, ws)
    if marks:
        read_markers.save(connection, marks)
    if prepared is not None:
        prepared()
    return CommitResult(outcomes, event_batches)


def _decide(ws: WorkingSet, append: Append) -> AppendResult:
    try:
        return decide(ws, append)
    except ParleyError as exc:
        # It travels to another task: without the frames, nothing of the batch is kept alive.
        return exc.with_traceback(None)


def _event_batches(connection: DbConnection, ws: WorkingSet) -> list[EventBatch]:
    by_room: dict[RoomId, list[Event]] = {}
    for event in ws.events:
        by_room.setdefault(event.room, []).append(event)
    known: dict[UserId, str] = {p.user: p.username for p in ws.people.values()}
    unknown = {
        user for e in ws.events if e.data is not None for user in users_of(e) if user not in known
    }
    if unknown:
        known |= usernames(connection, unknown)
    return [
        EventBatch(room, ws.rooms[room].name, ws.rooms[room].kind, events, known)
        for room, events in by_room.items()
    ]
