"""
Appends that share a transaction with something else: an invitation's use, a choice of an heir.

Everything else goes through the committer's queue, which is quicker for all. What has begun is
finished, whatever becomes of the request that asked for it: what was committed is published.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from app.domain.appends import Append, Committed
from app.domain.errors import ParleyError
from app.domain.events import EventBatch
from app.services.log.committer import commit
from app.store.database import Database, DbConnection

T = TypeVar("T")

Publish = Callable[[Sequence[EventBatch]], None]


class Appended(NamedTuple):
    """What became of appends, all of which were taken."""

    done: Sequence[Committed]
    event_batches: Sequence[EventBatch]


def append_all(connection: DbConnection, appends: Sequence[Append]) -> Appended:
    """
    Decide and write ``appends``, in order, in this transaction; the rooms are locked from here on.

    Raises:
        ParleyError: Why the first that was refused was refused. The transaction can't go on.

    """
    batch = commit(connection, appends)
    done = []
    for outcome in batch.outcomes:
        if isinstance(outcome, ParleyError):
            raise outcome
        done.append(outcome)
    return Appended(done, batch.event_batches)


class Transactions:
    """Runs them, and publishes what they have appended."""

    def __init__(self, database: Database, publish: Publish) -> None:
        self._database = database
        self._publish = publish
        self._running: set[asyncio.Task[Any]] = set()

    async def write(self, work: Callable[[DbConnection], tuple[T, Sequence[EventBatch]]]) -> T:
        """
        Run ``work`` in a transaction; it answers its result and the events that rooms got.

        Safe to cancel: the work and the publishing go on.

        Raises:
            Unavailable: If the database can't be written now.

        """
        task = asyncio.create_task(self._write(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Wait for what runs."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _write(self, work: Callable[[DbConnection], tuple[T, Sequence[EventBatch]]]) -> T:
        result, event_batches = await self._database.write(work)
        self._publish(event_batches)
        return result
