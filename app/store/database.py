"""
What a database can do for the layers above: run a function in a transaction.

The work is a plain synchronous function over a SQLAlchemy ``Connection``, so that nothing in
it can be cancelled, and the same function runs on both engines. No session outlives a call.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection as DbConnection

__all__ = ["DbConnection", "Database", "T", "Work"]

T = TypeVar("T")

Work = Callable[[DbConnection], T]


class Database(Protocol):
    """An open database. Safe to use from one event loop, by any number of tasks."""

    @property
    def shared(self) -> bool:
        """Whether other nodes may write to it at the same time."""

    async def write(self, work: Work[T]) -> T:
        """
        Run ``work`` in a transaction that may write; the commit is on disk on return.

        Safe to cancel: the work then runs to its end unseen, and nothing is left locked.

        Raises:
            Unavailable: If the database can't be reached or written now, or is closed.
                Whether the transaction was committed is then unknown.

        """

    async def read(self, work: Work[T]) -> T:
        """
        Run ``work`` on one snapshot: everything that it reads is of the same moment.

        Raises:
            Unavailable: If the database can't be reached now, or is closed.

        """

    async def close(self) -> None:
        """Finish what runs and let go of the files or connections."""
