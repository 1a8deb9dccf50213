"""Runs actions of an operator to completion, with an entry of the audit log and a log line."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from ...domain.ids import Millis, UserId
from ...observability.logs import event
from ...store.audit import AuditRecord
from ...store.database import Database, T
from .audited_database import AuditedDatabase

log = logging.getLogger("parley.security")


class AuditLog:
    """The actions that are running. Used in the event loop."""

    def __init__(self, database: Database, now: Callable[[], Millis]) -> None:
        self._database = database
        self._now = now
        self._running: set[asyncio.Task[Any]] = set()

    def audited(
        self,
        by: UserId | None,
        action: str,
        target: str,
        data: Mapping[str, Any] | None = None,
    ) -> AuditedDatabase:
        """The database for one action: each write adds its entry, which includes ``data``."""
        return AuditedDatabase(self._database, AuditRecord(self._now(), by, action, target, data))

    async def run(self, audited: AuditedDatabase, action: Coroutine[Any, Any, T]) -> T:
        """
        Run ``action``, which writes to ``audited``, and log it when it has succeeded.

        Safe to cancel: the action runs to completion, and is logged.

        Raises:
            Exception: What ``action`` raises; nothing is logged then.

        """
        task = asyncio.create_task(_run_and_log(audited.record, action))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Wait for the actions that are running."""
        await asyncio.gather(*self._running, return_exceptions=True)


async def _run_and_log(record: AuditRecord, action: Coroutine[Any, Any, T]) -> T:
    result = await action
    facts = {"action": record.action, "target": record.target, "by_id": record.by}
    event(log, logging.INFO, "operator.acted", **facts, **(record.data or {}))
    return result
