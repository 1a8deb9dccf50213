"""
Ending log-ins: first on disk, then on the sockets that are open with them.

What has begun is finished, whatever becomes of the request that asked for it: a log-in that
ended on disk must not keep a socket because its user hung up a moment too early.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from app.domain.ids import SessionId, UserId
from app.store.database import Database, DbConnection

T = TypeVar("T")

OnRevoked = Callable[[UserId, SessionId | None], None]
"""Told after the commit, for each log-in that ended; None: all that the user had then."""

Ended = Sequence[tuple[UserId, SessionId | None]]


class SessionRevoker:
    """Runs the transactions that end log-ins."""

    def __init__(self, database: Database, on_revoked: OnRevoked) -> None:
        self._database = database
        self._on_revoked = on_revoked
        self._running: set[asyncio.Task[Any]] = set()

    async def write(self, work: Callable[[DbConnection], tuple[T, Ended]]) -> T:
        """
        Run ``work`` in a transaction; it answers its result and the log-ins that it ended.

        Safe to cancel: the work and the telling go on.

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

    async def _write(self, work: Callable[[DbConnection], tuple[T, Ended]]) -> T:
        result, ended = await self._database.write(work)
        for user, session in ended:
            self._on_revoked(user, session)
        return result
