"""A database that notes which statements it executes, without the values in them."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from app.store.database import Database, DbConnection, T, Work
from tests.harness.databases import GatedDatabase
from tests.store.statements import recorded

_VALUE = re.compile(r"'(?:[^']|'')*'|\b\d+\b")


class RecordingDatabase(GatedDatabase):
    """A SQLite database that records. Transactions of other tasks are recorded as well."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.statements: list[str] = []

    async def read(self, work: Work[T]) -> T:
        return await super().read(self._recording("read", work))

    async def write(self, work: Work[T]) -> T:
        return await super().write(self._recording("write", work))

    async def write_log(self, work: Work[T], **how: Any) -> T:
        return await super().write_log(self._recording("write", work), **how)

    async def compared(
        self, ask: Callable[[Any], Awaitable[Any]], targets: Sequence[Any]
    ) -> list[list[str]]:
        """
        The statements that ``ask`` leads to, for each target.

        A task in the background may come in between: if they differ, it is tried again.
        """
        for _ in range(3):
            found = [await self._statements_of(ask(target)) for target in targets]
            if found[0] == found[1]:
                break
        return found

    async def _statements_of(self, asking: Awaitable[Any]) -> list[str]:
        await self.quiet()
        self.statements = []
        await asking
        await self.quiet()
        return self.statements

    def _recording(self, kind: str, work: Work[T]) -> Work[T]:
        def recording(connection: DbConnection) -> Any:
            with recorded(connection) as statements:
                try:
                    return work(connection)
                finally:
                    shapes = [_VALUE.sub("?", statement) for statement in statements]
                    self.statements += [kind, *shapes]

        return recording
