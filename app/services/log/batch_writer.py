"""
Commits one batch, and decides what becomes of it if that fails.

Nothing here queues or delivers: that is the committer's.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic

from ...domain.appends import Append
from ...domain.errors import Internal, Unavailable
from ...domain.events import EventBatch
from ...domain.ids import RoomId
from ...domain.server_limits import READ_BACK_PAUSE_SECONDS, READ_BACK_SECONDS
from ...observability.histogram import Histogram
from ...store.damage import Damaged
from ...store.database import Database, OutcomeUnknown, RowsLocked
from ...store.read_markers import Mark
from .batch_transaction import AppendResult, CommitResult, commit, read_back
from .read_receipt_buffer import ReadReceiptBuffer
from .writer_pacing import WriterPacing

log = logging.getLogger("parley.committer")

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_APPENDS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class BatchWriter:
    """Used in the event loop by the committer; :func:`~.commit.commit` runs in a thread."""

    def __init__(
        self, database: Database, *, receipts: ReadReceiptBuffer, pacing: WriterPacing
    ) -> None:
        self._database = database
        self._receipts = receipts
        self._pacing = pacing
        self.failures = 0
        """Commits that failed in a row."""
        self.failed = 0
        """Commits that failed since the start."""
        self.seconds = Histogram(_SECONDS)
        """How long commits took, from asking for a thread of the database to its answer."""
        self.appends = Histogram(_APPENDS)
        """How many appends each commit had: none if it had only read receipts."""

    async def write(
        self,
        appends: Sequence[Append],
        marks: Sequence[Mark],
        *,
        aside: bool = False,
        skip_locked: bool = True,
        since: float | None = None,
    ) -> CommitResult:
        """
        Commit a batch. Never raises: what went wrong is each append's result.

        Args:
            aside: Beside the other batches, on another connection.
            skip_locked: Whether rooms that are locked elsewhere are left out, or waited for.
            since: When the first append began to wait; see :meth:`Database.write_log`.

        """
        try:
            work = partial(commit, appends=appends, marks=marks, skip_locked=skip_locked)
            began = monotonic()
            result = await self._transact(work, aside, since)
        except Damaged:  # one append depends on a damaged event: the others must not fail
            return await self._write_one_by_one(appends, marks, since)
        except RowsLocked:  # a row of one of the rooms: which of them is found out one by one
            self._receipts.put_back(marks)
            return CommitResult(
                [Unavailable() for _ in appends], [], frozenset(a.room for a in appends)
            )
        except OutcomeUnknown as exc:
            self._receipts.put_back(marks)
            return await self._read_back(appends, exc.result.outcomes, aside=aside)
        except Unavailable as exc:
            # It may have been committed all the same: a retry with the same client id tells.
            self._note_failure()
            self._receipts.put_back(marks)
            return CommitResult([exc] * len(appends), [])
        except Exception:  # the database refused a row: write one by one to find which
            log.exception("committer.batch_refused", extra={"appends": len(appends)})
            return await self._write_one_by_one(appends, marks, since)
        self.failures = 0
        self.seconds.observe(monotonic() - began)
        self.appends.observe(len(appends))
        return result

    async def write_aside(self, appends: Sequence[Append], skip_locked: bool) -> CommitResult:
        """Like :meth:`write`, beside the other batches: for rooms that are locked elsewhere."""
        return await self.write(appends, (), aside=True, skip_locked=skip_locked)

    def pause_fanout(self) -> None:
        """Give the writer's thread priority; :meth:`write` resumes the work in the event loop."""
        # They compete for the interpreter lock until the writer waits for the disk.
        if not self._database.shared:
            self._pacing.pause()

    def _note_failure(self) -> None:
        self.failures += 1
        self.failed += 1

    async def _transact(
        self, work: Callable[..., CommitResult], aside: bool, since: float | None
    ) -> CommitResult:
        before_commit = None if self._database.shared else self._pacing.resume_from_thread
        work = partial(work, before_commit=before_commit)
        self.pause_fanout()
        try:
            return await self._database.write_log(work, aside=aside, waiting_since=since)
        finally:
            self._pacing.resume()

    async def _read_back(
        self, appends: Sequence[Append], decided: Sequence[AppendResult], *, aside: bool
    ) -> CommitResult:
        """Find out what was committed by a transaction whose COMMIT got no answer."""
        work = partial(read_back, appends=appends, decided=decided)
        time = asyncio.get_running_loop().time
        until = time() + READ_BACK_SECONDS
        while time() < until and not self._database.closed:
            try:
                return await self._database.write_log(work, aside=aside)
            except (Unavailable, RowsLocked, OutcomeUnknown):
                await asyncio.sleep(READ_BACK_PAUSE_SECONDS)
        self._note_failure()
        return CommitResult([Unavailable() for _ in appends], [])

    async def _write_one_by_one(
        self, appends: Sequence[Append], marks: Sequence[Mark], since: float | None
    ) -> CommitResult:
        """
        Commit each append alone, so that the one that is refused fails no other.

        A room that is locked elsewhere is waited for once, and a database that is gone is asked
        once: what depends on them is unavailable.
        """
        outcomes: list[AppendResult] = []
        event_batches: list[EventBatch] = []
        locked: set[RoomId] = set()
        gone: Unavailable | None = None
        for append in appends:
            if gone is not None or append.room in locked:
                outcomes.append(gone or Unavailable())
                continue
            try:
                alone = await self._database.write_log(
                    partial(commit, appends=[append]), waiting_since=since
                )
            except Damaged as exc:  # what this append depends on
                outcomes.append(exc)
            except Unavailable as exc:
                self._note_failure()
                gone = exc
                outcomes.append(exc)
            except RowsLocked:
                locked.add(append.room)
                outcomes.append(Unavailable())
            except OutcomeUnknown as exc:
                read = await self._read_back([append], exc.result.outcomes, aside=False)
                outcomes += read.outcomes
            except Exception:  # the row that was refused; its transaction was rolled back
                log.exception("committer.append_refused", extra={"append": type(append).__name__})
                outcomes.append(Internal())
            else:
                outcomes += alone.outcomes
                event_batches += alone.event_batches
        self._receipts.put_back(marks)
        return CommitResult(outcomes, event_batches)
