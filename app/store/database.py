"""
The interface of a database: transactions, each of which is one synchronous function.

Implemented by :class:`~app.store.sqlite.SqliteDatabase` and
:class:`~app.store.postgres.PostgresDatabase`.
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias, TypeVar

import sqlalchemy as sa

__all__ = ["Database", "DbConnection", "T", "Work"]

T = TypeVar("T")

DbConnection: TypeAlias = sa.Connection
"""
A connection inside a transaction that :class:`Database` has begun and will end.

Valid until the function that got it returns; never kept, never passed to another thread. Don't
commit or roll back on it: raise to undo. Run SQL on it through :mod:`app.store.bulk` and
:mod:`app.store.query` where the cost is counted, and through SQLAlchemy elsewhere. Its
``dialect.name`` is ``sqlite`` or ``postgresql``.
"""

Work: TypeAlias = Callable[[DbConnection], T]
"""
What a transaction does. Synchronous, so that no cancellation can stop it half-way.

On SQLite it runs in a database thread: it must not touch what the event loop owns. It blocks
that thread, and the writer's is the only one, so keep it short.
"""


class Database(Protocol):
    """
    An open database.

    All methods are called on one event loop, by any number of tasks. An exception that ``work``
    raises, a ``sqlalchemy.exc.DBAPIError`` for a row that the database refuses among them, rolls
    the transaction back and is raised to the caller unchanged. After an ``Unavailable`` the
    database can be used again as soon as its cause is gone: nothing has to be reopened.
    """

    @property
    def shared(self) -> bool:
        """Whether other nodes may write to it at the same time."""

    @property
    def fault(self) -> str | None:
        """
        What is wrong with the database itself, in a word; None if nothing is known.

        ``replaced``: its file was deleted or replaced; nothing is written until it is back.
        ``damaged``: something that was read is not what was written; whatever depends on it is
        unavailable, and nothing is written if it may be the structure of the file.
        """

    async def write(self, work: Work[T]) -> T:
        """
        Run ``work`` in a transaction that may write, and return its result.

        When this returns, the transaction is committed and on disk. On SQLite writes run one at
        a time, in the order of the calls. On PostgreSQL they run concurrently at READ COMMITTED:
        ``work`` locks the rows that its decisions depend on.

        Safe to cancel: the transaction is then completed in the background, and no lock is left.

        Raises:
            Unavailable: The database can't be reached or written now, or is closed. Whether the
                transaction was committed is then unknown.

        """

    async def read(self, work: Work[T]) -> T:
        """
        Run ``work`` on one snapshot, and return its result.

        All of its queries see the same moment, which includes every write that had returned when
        this was called. Reads run concurrently, with each other and with writes. Writing in
        ``work`` fails.

        Safe to cancel: ``work`` is then completed in the background.

        Raises:
            Unavailable: The database can't be reached now, or is closed.

        """

    async def close(self) -> None:
        """
        Refuse new transactions, complete those that are running, and close all connections.

        Afterwards ``read`` and ``write`` raise ``Unavailable``. Call it once.
        """
