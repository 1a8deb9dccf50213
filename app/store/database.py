"""
The interface of a database: transactions, each of which is one synchronous function.

Implemented by :class:`~app.store.sqlite.SqliteDatabase` and
:class:`~app.store.postgres.PostgresDatabase`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

import sqlalchemy as sa

if TYPE_CHECKING:
    from .change_capture import ChangeCapture
    from .search_index import SearchIndex

__all__ = ["Columns", "Database", "DbConnection", "T", "Work"]

T = TypeVar("T")

ColumnType = Literal["bigint", "text"]
Columns = tuple[tuple[str, ColumnType], ...]


class DbConnection(ABC):
    """
    A connection inside a transaction that :class:`Database` has begun and will end.

    Valid until the function that got it returns; never kept, never passed to another thread. Don't
    commit or roll back on it: raise to undo. Statements whose cost is counted run through
    :mod:`app.store.bulk` and :mod:`app.store.query`, the others through :meth:`execute`.

    On PostgreSQL :meth:`rows`, :meth:`run` and :meth:`insert` only queue their statement. All that
    are queued are sent together, in one network round trip, as soon as a row of one of them is
    looked at, and at the commit. So ask for everything first, and look at the rows then. An error
    is raised where the statements are sent.
    """

    is_only_writer: bool
    """Whether no other transaction can write before this one ends: nothing need be locked."""

    has_lateral: bool
    """Whether the engine has LATERAL joins."""

    has_checksums: bool
    """Whether events have a checksum of ours: see :mod:`app.store.event_checksum`."""

    is_file: bool
    """Whether the database is a file, in which anything may be damaged."""

    orders_by_bytes: bool
    """Whether texts are ordered by their bytes; if not, by the rules of a language."""

    now_ms: str
    """An expression: the time of the database, in milliseconds since 1970."""

    search_index: "SearchIndex"
    """The full-text index."""

    change_capture: "ChangeCapture"
    """How changes are noted while the database is moved."""

    def __init__(self, sqlalchemy: sa.Connection) -> None:
        self._sqlalchemy = sqlalchemy

    @property
    def sqlalchemy(self) -> sa.Connection:
        """SQLAlchemy's connection, on which all statements before this have been executed."""
        return self._sqlalchemy

    def execute(
        self, statement: sa.Executable, parameters: Any = None
    ) -> sa.CursorResult[*tuple[Any, ...]]:
        """Execute a statement of SQLAlchemy at once. On PostgreSQL: at least one round trip."""
        return self.sqlalchemy.execute(statement, parameters)

    @abstractmethod
    def rows(self, sql: str, parameters: Mapping[str, object]) -> Sequence[Any]:
        """
        Execute a query with named parameters (``:name``); return its rows, as tuples.

        It may lock rows, but not write: on PostgreSQL a transaction of queries alone is rolled
        back, so that it doesn't wait for the disk.
        """

    @abstractmethod
    def run(self, sql: str, parameters: Mapping[str, object]) -> None:
        """Execute a statement with named parameters that returns no rows."""

    @abstractmethod
    def insert(self, table: str, columns: Columns, rows: Sequence[tuple[object, ...]]) -> None:
        """Insert ``rows``, tuples in the order of the columns. They must not be changed later."""

    @abstractmethod
    def copy_in(
        self, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]
    ) -> None:
        """Insert ``rows`` with columns of any type, at once: for many rows, by commands."""

    @staticmethod
    @abstractmethod
    def key_source(columns: Columns) -> str:
        """A sub-query over the parameter ``keys``, with these columns and a row per key."""

    @staticmethod
    @abstractmethod
    def encode_keys(keys: Iterable[Sequence[object]]) -> object:
        """The value of the parameter ``keys``. Each key is a tuple with a value per column."""

    @staticmethod
    @abstractmethod
    def json_field(column: str, name: str, kind: ColumnType = "text") -> str:
        """An expression: a field of the JSON object in ``column``; NULL if it has none."""

    @staticmethod
    @abstractmethod
    def has_json_field(column: str, name: str) -> str:
        """A condition: whether the JSON object in ``column`` has the field, maybe as null."""

    @staticmethod
    @abstractmethod
    def json_items(column: str, name: str) -> str:
        """What to join: the items of the JSON array in a field, in the column ``value``."""


Work: TypeAlias = Callable[[DbConnection], T]
"""
What a transaction does. Synchronous, so that no cancellation can stop it half-way.

It runs in a database thread: it must not touch what the event loop owns. It blocks that thread,
and there are few, so keep it short.
"""


class RowsLocked(Exception):
    """The transaction waited too long for a row that is locked elsewhere. Nothing was written."""


class OutcomeUnknown(Exception):
    """
    The connection was lost at COMMIT. Once a lock of the transaction is granted, it shows.

    Args:
        result: What the work has returned, which holds if it was committed.

    """

    def __init__(self, text: str, result: Any = None) -> None:
        super().__init__(text)
        self.result = result


@dataclass(frozen=True, slots=True)
class Threads:
    """The threads of one kind, and the transactions that they have."""

    name: str
    """``write``, ``read``; on PostgreSQL also ``log`` and ``aside``."""
    count: int
    waiting: int
    """Transactions that wait for a thread."""
    running: int | None = None
    """Transactions that have a thread; None: not counted."""
    connections: int | None = None
    """Open connections to PostgreSQL: at most one for each thread."""


@dataclass(frozen=True, slots=True)
class DatabaseLoad:
    """How busy a database is now."""

    threads: tuple[Threads, ...]
    wal_bytes: int | None = None
    """Size of SQLite's write-ahead log; None where there is no such file."""


class Database(Protocol):
    """
    An open database.

    All methods are called on one event loop, by any number of tasks. An exception that ``work``
    raises, one of the driver or of SQLAlchemy for a row that the database refuses among them,
    rolls the transaction back and is raised to the caller unchanged. After an ``Unavailable`` the
    database can be used again as soon as its cause is gone: nothing has to be reopened.
    """

    @property
    def shared(self) -> bool:
        """Whether other nodes may write to it at the same time."""

    @property
    def fault(self) -> str | None:
        """
        What is wrong with the database itself, in a word; None if nothing is known.

        On PostgreSQL: what the last read failed with (``unreachable``, ``too many connections``,
        …); it is None again after a read that succeeds.

        ``replaced``: its file was deleted or replaced; nothing is written until it is back.
        ``damaged``: something that was read is not what was written; whatever depends on it is
        unavailable, and nothing is written if it may be the structure of the file.
        """

    @property
    def checking(self) -> bool:
        """Whether a check of the whole file is running in the background."""

    @property
    def load(self) -> DatabaseLoad:
        """How busy it is now. Takes microseconds, and waits for nothing."""

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

    async def checkpoint(self) -> bool:
        """
        On SQLite, move the write-ahead log into the file and empty it; else do nothing.

        Contents of pages that have been replaced since are then no longer on disk.

        Returns:
            False if a read that takes long still needs it.

        Raises:
            Unavailable: The database can't be written now, or is closed.

        """

    async def write_log(
        self, work: Work[T], *, aside: bool = False, waiting_since: float | None = None
    ) -> T:
        """
        Like :meth:`write`, for the committer alone: it never waits for another write to begin.

        On PostgreSQL these transactions have a connection of their own, and run one at a time;
        with ``aside`` they have another one, for rooms that are locked elsewhere.

        Args:
            waiting_since: When the first caller began to wait, by ``time.monotonic``: a lock of
                another program on the SQLite file is waited for for so much less. None: now.

        Raises:
            RowsLocked, OutcomeUnknown: On PostgreSQL, where :meth:`write` raises Unavailable.

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

    @property
    def closed(self) -> bool:
        """Whether every transaction is refused from now on."""

    def interrupt(self) -> None:
        """
        Fail now whatever can't be completed soon, for a process that has to end.

        On PostgreSQL, which may hang, all that is running or waiting raises ``Unavailable``, as
        does every later transaction, and :meth:`close` waits for nothing. On SQLite a transaction
        waits for nothing but a lock of another program, for seconds: they are all completed.
        """

    async def close(self) -> None:
        """
        Refuse new transactions, complete those that are running, and close all connections.

        Afterwards ``read`` and ``write`` raise ``Unavailable``. Call it once.
        """
