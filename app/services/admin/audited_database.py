"""The database as one action of an operator sees it."""

from ...store import audit
from ...store.audit import AuditRecord
from ...store.database import Database, DatabaseLoad, DbConnection, T, Work


class AuditedDatabase:
    """
    A database that adds an entry of the audit log to each of its writes.

    Services use it like any other database, so that no action can be written without its entry.
    """

    def __init__(self, database: Database, record: AuditRecord) -> None:
        self._database = database
        self.record = record

    @property
    def shared(self) -> bool:
        """Whether the wrapped database is shared with other nodes."""
        return self._database.shared

    @property
    def fault(self) -> str | None:
        """What is wrong with the wrapped database."""
        return self._database.fault

    @property
    def checking(self) -> bool:
        """Whether the wrapped database is being checked."""
        return self._database.checking

    @property
    def load(self) -> DatabaseLoad:
        """How busy the wrapped database is."""
        return self._database.load

    @property
    def closed(self) -> bool:
        """Whether the wrapped database is closed."""
        return self._database.closed

    def interrupt(self) -> None:
        """Interrupt the wrapped database."""
        self._database.interrupt()

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` and add the entry, in one transaction."""

        record = self.record

        def audited(connection: DbConnection) -> T:
            result = work(connection)
            audit.insert(connection, record)
            return result

        return await self._database.write(audited)

    async def write_log(
        self, work: Work[T], *, aside: bool = False, waiting_since: float | None = None
    ) -> T:
        """Like :meth:`write`: an operator's action waits its turn."""
        return await self.write(work)

    async def checkpoint(self) -> bool:
        """Checkpoint the wrapped database."""
        return await self._database.checkpoint()

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` in a snapshot; reads add no entry."""
        return await self._database.read(work)

    async def close(self) -> None:
        """Do nothing: the wrapped database stays open."""
