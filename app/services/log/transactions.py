"""
Transactions whose effects are announced: appends together with something else, log-ins ended.

Everything else goes through the committer's queue, which is faster. A transaction that has begun
is finished and announced even if its caller is cancelled: a log-in that has ended on disk must
not keep a socket because the client disconnected a moment too early.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self, TypeVar

from ...domain.appends import Append, Committed
from ...domain.errors import ParleyError
from ...domain.events import EventBatch
from ...domain.sessions import SessionsRevoked
from ...store.database import Database, DbConnection
from .committer import commit
from .seams import Seams

T = TypeVar("T")


class Effects(NamedTuple):
    """What a transaction has done that is announced after its commit."""

    event_batches: Sequence[EventBatch] = ()
    sessions_revoked: Sequence[SessionsRevoked] = ()


class Appended(NamedTuple):
    """The results of appends, all of which were accepted."""

    done: Sequence[Committed]
    event_batches: Sequence[EventBatch]


def append_all(connection: DbConnection, appends: Sequence[Append]) -> Appended:
    """
    Decide and write ``appends``, in order, in this transaction; their rooms are locked from here.

    Runs in a database thread.

    Raises:
        ParleyError: Why the first refused one was refused. The transaction can't go on.

    """
    batch = commit(connection, appends)
    done = []
    for outcome in batch.outcomes:
        if isinstance(outcome, ParleyError):
            raise outcome
        done.append(outcome)
    return Appended(done, batch.event_batches)


class Transactions:
    """Runs transactions to their end, and announces their effects. Used in the event loop."""

    def __init__(self, database: Database, seams: Seams) -> None:
        self._database = database
        self._seams = seams
        self._running: set[asyncio.Task[Any]] = set()

    def over(self, database: Database) -> Self:
        """The same on another view of the database; :meth:`close` waits for those, too."""
        other = type(self)(database, self._seams)
        other._running = self._running
        return other

    async def write(self, work: Callable[[DbConnection], tuple[T, Effects]]) -> T:
        """
        Run ``work`` in a transaction, announce the effects that it returns, return its result.

        Safe to cancel: the work and the announcements go on.

        Raises:
            Unavailable: If the database can't be written now.

        """
        task = asyncio.create_task(self._write(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Wait for the transactions that run."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _write(self, work: Callable[[DbConnection], tuple[T, Effects]]) -> T:
        result, effects = await self._database.write(work)
        if effects.event_batches:
            self._seams.on_committed.announce(effects.event_batches)
        for revoked in effects.sessions_revoked:
            self._seams.on_sessions_revoked.announce(revoked)
        return result
