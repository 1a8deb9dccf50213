"""
Noting which rows change, whoever changes them, while a database is copied that is in use.

Triggers write the key of each changed row into a table, in the transaction that changes it: every
writer is covered, and what is rolled back leaves no key. On SQLite they are temporary: of the one
connection that writes, gone with it, and no part of the file. On PostgreSQL they are of the
database, so that the writes of other programs are noted too; they are removed at the end, or when
the next server starts.

:class:`ChangeCapture` is implemented by :mod:`app.store.sqlite_changes` and
:mod:`app.store.postgres_changes`, and found in :attr:`DbConnection.change_capture`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from .database import DbConnection, Work
from .table_pages import EVENTS, OTHERS, Row

DOCUMENTS = "search_documents"
"""No table of the metadata: each engine has its own. Its key is ``id``."""

CAPTURED: dict[str, tuple[str, ...]] = {
    DOCUMENTS: ("id",),
    **{table.name: table.key_columns for table in (EVENTS, *OTHERS)},
}
"""The tables whose changes are noted, and the columns of their keys."""

KEY_COLUMNS = ("k1", "k2", "k3")
"""Where the values of a key are noted."""


class Change(NamedTuple):
    """A row that was inserted, updated or deleted."""

    table: str
    key: Row


class ChangeCapture(ABC):
    """The triggers of an engine. Stateless: every method gets the connection to work on."""

    @abstractmethod
    def begin(self) -> Sequence[Work[None]]:
        """
        Return the transactions that begin to note changes, to be run in order.

        Each locks one table at most: two that wait for each other's are a deadlock.
        """

    @abstractmethod
    def take(self, connection: DbConnection, limit: int) -> list[Change]:
        """Return the oldest changes, without doubles, and forget them when it is committed."""

    @abstractmethod
    def end(self) -> Sequence[Work[None]]:
        """Return the transactions that end it, whether it has begun or not."""

    @abstractmethod
    def is_left(self, connection: DbConnection) -> bool:
        """Whether changes are noted in the database, maybe since a server was killed."""

    @abstractmethod
    def refuse_writes(self, connection: DbConnection) -> None:
        """Let every later write fail that other programs attempt, if there can be any."""


def distinct(changes: Sequence[Change]) -> list[Change]:
    """Return the changes, each once, in the order in which they were first made."""
    return list(dict.fromkeys(changes))
