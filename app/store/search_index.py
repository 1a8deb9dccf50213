"""
The full-text index of messages: its documents, and keeping them up to date.

The indexer adds new messages shortly after the commit, many at once, and a search waits for it.
Edits and deletions change the index in their own transaction.

One document per message, numbered in the order in which they were added: newest first is then the
order of the key, and a search ends as soon as a page is full. Beside the words of the text a
document holds marks: of the room, of the author, and one for all public rooms. A search asks for
marks too, so that messages which the user may not read are never visited.

    /public /r12 /u7 shall we go

:class:`SearchIndex` is implemented by :mod:`app.store.sqlite_search` (SQLite) and
:mod:`app.store.postgres_search` (PostgreSQL), and found in :attr:`DbConnection.search_index`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from ..domain.ids import EventId, RoomId, UserId
from ..domain.roles import Kind
from ..domain.words import words
from .database import DbConnection

Row = tuple[EventId, str]
"""A message, and its document: see :meth:`SearchIndex.document`."""

Span = tuple[EventId, EventId]
"""Events of one room: the first and the last."""

Phrases = Sequence[Sequence[str]]
"""Words that follow each other; a message contains all of these phrases."""

PUBLIC_MARK = "/public"


class Scope(NamedTuple):
    """Where to search."""

    rooms: Sequence[RoomId]
    public: bool
    """Also in all public rooms."""
    excluded: Sequence[RoomId]
    by: UserId | None
    """Only messages of this author."""

    @property
    def marks(self) -> list[str]:
        """The marks of its rooms, one of which each document in the scope holds."""
        return [room_mark(room) for room in self.rooms] + ([PUBLIC_MARK] if self.public else [])


class SearchIndex(ABC):
    """The index of an engine. Stateless: every method gets the connection to work on."""

    is_pending: str
    """A condition: whether the message ``e`` is known to wait for its document."""

    has_entries: bool
    """Whether the index is a table of its own, beside the documents that it is made from."""

    def document(self, kind: Kind, room: RoomId, by: UserId | None, text: str | None) -> str:
        """Return a message's document; empty for a deleted message."""
        if text is None:
            return ""
        marks = [room_mark(room), author_mark(by)]
        if kind is Kind.PUBLIC:
            marks.append(PUBLIC_MARK)
        return self._encode(marks, words(text))

    @staticmethod
    @abstractmethod
    def _encode(marks: Sequence[str], found: Sequence[str]) -> str:
        """A document in the form of the engine."""

    @abstractmethod
    def note(self, connection: DbConnection, spans: Sequence[Span]) -> None:
        """
        Note new messages, in the transaction that appends them, if other nodes may index them.

        Args:
            spans: Events of one room each: the first and the last.

        """

    @abstractmethod
    def add(self, connection: DbConnection, rows: Sequence[Row]) -> None:
        """Index new messages."""

    @abstractmethod
    def change(self, connection: DbConnection, rows: Sequence[Row]) -> None:
        """
        Give edited and deleted messages their new documents.

        Those that are not indexed yet are skipped: the indexer takes them as they are then.
        """

    @abstractmethod
    def remove(self, connection: DbConnection, low: int, high: int) -> None:
        """Remove the messages from the event ``low`` to before ``high``, which are not kept."""

    @abstractmethod
    def find(
        self, connection: DbConnection, phrases: Phrases, scope: Scope, *, before: int, limit: int
    ) -> list[EventId]:
        """Return the newest messages with all ``phrases`` whose document is before ``before``."""

    @abstractmethod
    def different(self, connection: DbConnection, rows: Sequence[Row]) -> list[EventId]:
        """Return the messages whose document is not that of ``rows``."""


def room_mark(room: RoomId) -> str:
    """Return the word that all documents of a room hold."""
    return f"/r{room}"


def author_mark(user: UserId | None) -> str:
    """Return the word that all documents of an author hold; None: the operator's."""
    return f"/u{user or 0}"


def group(operator: str, quote: str, terms: Sequence[str]) -> str:
    """Return quoted terms of a query in parentheses, joined by an operator."""
    return "(" + operator.join(quote + term + quote for term in terms) + ")"
