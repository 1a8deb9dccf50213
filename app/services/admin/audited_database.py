"""The database, for one act of an operator."""

from ...store import audit
from ...store.audit import AuditRecord
from ...store.database import Database, DbConnection, T, Work


class AuditedDatabase:
    """
    A database that writes an entry of the audit together with whatever else is written.

    The services that do the work know nothing of it, and no act can be had without its entry.

    """

    def __init__(self, database: Database, act: AuditRecord) -> None:
        self._database = database
        self.act = act

    @property
    def shared(self) -> bool:
        """As the database."""
        return self._database.shared

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` and add the entry, in one transaction."""

        def audited(connection: DbConnection) -> T:
            result = work(connection)
            audit.insert(connection, self.act)
            return result

        return await self._database.write(audited)

    async def read(self, work: Work[T]) -> T:
        """As the database: whoever looks leaves no entry."""
        return await self._database.read(work)

    async def close(self) -> None:
        """Nothing was opened for it."""
