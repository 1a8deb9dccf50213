"""The parts of the log package, and how they are opened."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ...domain import limits as defaults
from ...domain.server_limits import LOCKED_ROOM_SECONDS
from ...store import epoch as epoch_store
from ...store.batch_loader import BatchLoader
from ...store.database import Database
from .checksum_backfiller import ChecksumBackfiller
from .committer import Committer
from .epoch import Epoch
from .read_receipt_buffer import ReadReceiptBuffer
from .seams import Seams
from .transactions import Transactions
from .writer_pacing import WriterPacing

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLimits:
    """Limits of the log; :mod:`app.domain.limits` describes each."""

    max_batch_appends: int = defaults.MAX_BATCH_APPENDS
    max_batch_rooms: int = defaults.MAX_BATCH_ROOMS
    max_queued_appends: int = defaults.MAX_QUEUED_APPENDS
    locked_room_seconds: float = LOCKED_ROOM_SECONDS
    read_receipt_seconds: float = defaults.READ_MARKER_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class LogParts:
    """What writes to the logs of rooms, and the seams that announce it."""

    seams: Seams
    epoch: Epoch
    batch_loader: BatchLoader
    receipts: ReadReceiptBuffer
    committer: Committer
    transactions: Transactions


@asynccontextmanager
async def open_log(
    database: Database,
    *,
    pacing: WriterPacing,
    limits: LogLimits = LogLimits(),
    tracer: "Tracer | None" = None,
) -> AsyncIterator[LogParts]:
    """
    Run the committer until the block ends, then commit what is still queued.

    Args:
        tracer: Traces appends and commits; None: nothing is traced.

    Raises:
        Unavailable: If the database can't be read now.

    """
    seams = Seams()
    receipts = ReadReceiptBuffer(limits.read_receipt_seconds)
    committer = _committer_class(tracer)(
        database,
        on_committed=seams.on_committed,
        receipts=receipts,
        pacing=pacing,
        max_batch_appends=limits.max_batch_appends,
        max_batch_rooms=limits.max_batch_rooms,
        max_queued_appends=limits.max_queued_appends,
        locked_room_seconds=limits.locked_room_seconds,
    )
    log = LogParts(
        seams=seams,
        epoch=Epoch(await database.read(epoch_store.read)),
        batch_loader=BatchLoader(database),
        receipts=receipts,
        committer=committer,
        transactions=Transactions(database, seams),
    )
    committing = asyncio.create_task(committer.run(), name="committer")
    backfilling = asyncio.create_task(ChecksumBackfiller(database).run(), name="checksums")
    try:
        yield log
    finally:
        backfilling.cancel()
        committer.close()
        await committing
        await asyncio.gather(backfilling, return_exceptions=True)
        await log.transactions.close()


def _committer_class(tracer: "Tracer | None") -> Callable[..., Committer]:
    if tracer is None:
        return Committer
    # Needs the extra "otel".
    from .traced_committer import TracedCommitter

    return partial(TracedCommitter, tracer)
