"""PostgreSQL through asyncpg, with the same synchronous transactions under ``run_sync``."""

import asyncio
import logging
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ..domain.errors import Unavailable
from ..domain.limits import POSTGRES_POOL
from .database import T, Work

log = logging.getLogger("parley.store")

# SQLSTATE classes 22, data exception, and 23, integrity constraint violation.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_ROW_REFUSED = ("22", "23")


class PostgresDatabase:
    """
    A PostgreSQL database, which other nodes may use too.

    Implements :class:`~app.store.database.Database`. Connects at the first transaction, not in
    the constructor.
    """

    shared = True
    fault = None

    def __init__(self, url: str) -> None:
        self._engine = create_async_engine(
            url, pool_size=POSTGRES_POOL, max_overflow=0, pool_pre_ping=True
        )
        # READ COMMITTED, because each query of a write follows its lock, and must see what was
        # committed before the lock was granted. A read is one snapshot.
        self._writing = self._engine.execution_options(isolation_level="READ COMMITTED")
        self._reading = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def write(self, work: Work[T]) -> T:
        return await self._run_to_completion(self._writing, work)

    async def read(self, work: Work[T]) -> T:
        return await self._run_to_completion(self._reading, work)

    async def _run_to_completion(self, engine: AsyncEngine, work: Work[T]) -> T:
        if self._closed:
            # A connection opened now would never be closed.
            raise Unavailable
        # In a task of its own: cancelling the caller must not interrupt a commit or leave a
        # connection half-open.
        task = asyncio.create_task(self._run(engine, work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        self._closed = True
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._engine.dispose()

    async def _run(self, engine: AsyncEngine, work: Work[T]) -> T:
        try:
            async with engine.connect() as connection, connection.begin():
                return await connection.run_sync(work)
        except (sa.exc.OperationalError, sa.exc.InterfaceError, OSError) as exc:
            log.error("database.failed", extra={"error": type(exc).__name__})
            raise Unavailable from exc
        except sa.exc.DBAPIError as exc:
            # A refused row is the caller's error, not an outage: the caller retries its batch
            # without it.
            refused = str(getattr(exc.orig, "sqlstate", "")).startswith(_ROW_REFUSED)
            if exc.connection_invalidated or not refused:
                log.error("database.failed", extra={"error": str(exc.orig)})
                raise Unavailable from exc
            raise
