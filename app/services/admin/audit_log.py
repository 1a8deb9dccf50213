"""Acts of an operator: each is carried out to its end, written down, and told to the log."""

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
    """The acts that are under way."""

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
        """The database, for one act; ``data`` is what else the entry says."""
        return AuditedDatabase(self._database, AuditRecord(self._now(), by, action, target, data))

    async def finish(self, audited: AuditedDatabase, doing: Coroutine[Any, Any, T]) -> T:
        """Carry out an act to its end, also if whoever asked for it hangs up."""
        task = asyncio.create_task(doing)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        result = await asyncio.shield(task)
        act = audited.act
        facts = {"action": act.action, "target": act.target, "by_id": act.by}
        event(log, logging.INFO, "operator.acted", **facts, **(act.data or {}))
        return result

    async def close(self) -> None:
        """Wait for what runs."""
        await asyncio.gather(*self._running, return_exceptions=True)
