"""
Transactions whose effects are announced: appends together with other statements, ended log-ins.

Appends alone go through the committer's queue, which is faster. A transaction that has started
runs to completion and is announced even if its caller is cancelled: otherwise a log-in that has
ended on disk could keep its socket because the client disconnected at the wrong moment.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self, TypeVar

from ...domain.appends import Append, Committed
from ...domain.errors import ParleyError
from ...domain.events import EventBatch
from ...domain.sessions import SessionsRevoked
from ...store.database import Database, DbConnection
from .batch_transaction import commit
from .seams import Seams

T = TypeVar("T")


class Effects(NamedTuple):
    """What is announced after the commit of a transaction."""

    event_batches: Sequence[EventBatch] = ()
    sessions_revoked: Sequence[SessionsRevoked] = ()


class Appended(NamedTuple):
    """The results of appends, all of which were accepted."""

    done: Sequence[Committed]
    event_batches: Sequence[EventBatch]


def append_all(connection: DbConnection, appends: Sequence[Append]) -> Appended:
    """
    Decide and write ``appends``, in order, in this transaction, which locks their rooms.

    Runs in a database thread. The caller returns the event batches in its :class:`Effects`.

    Raises:
        ParleyError: Why the first refused one was refused. The transaction must be rolled back.

    """
    batch = commit(connection, appends)
    done = []
    for outcome in batch.outcomes:
        if isinstance(outcome, ParleyError):
            raise outcome
        done.append(outcome)
    return Appended(done, batch.event_batches)


class Transactions:
    """
    Runs transactions to completion and announces their effects. Used in the event loop.

    The effects are announced in the turn in which the commit is known, before :meth:`write`
    returns.
    """

    def __init__(self, database: Database, seams: Seams) -> None:
        self._database = database
        self._seams = seams
        self._running: set[asyncio.Task[Any]] = set()

    def using(self, database: Database) -> Self:
        """
        Transactions of ``database``, which wraps this one's, with the same announcements.

        :meth:`close` of either waits for the transactions of both.
        """
        other = type(self)(database, self._seams)
        other._running = self._running
        return other

    async def write(self, work: Callable[[DbConnection], tuple[T, Effects]]) -> T:
        """
        Run ``work`` in a transaction, announce the effects that it returns, return its result.

        ``work`` runs in a database thread and touches nothing that belongs to the event loop. An
        exception in it rolls the transaction back and is raised here; nothing is announced.

        Safe to cancel: the transaction is finished and announced all the same.

        Raises:
            Unavailable: If the database can't be written now.

        """
        task = asyncio.create_task(self._write(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Wait for the transactions that are running."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _write(self, work: Callable[[DbConnection], tuple[T, Effects]]) -> T:
        result, effects = await self._database.write(work)
        if effects.event_batches:
            self._seams.on_committed.announce(effects.event_batches)
        for revoked in effects.sessions_revoked:
            self._seams.on_sessions_revoked.announce(revoked)
        return result
