"""
Making the search index of a database that is the target of a move.

Its documents are made from the texts, as each engine has its own. They keep their numbers, so that
messages are found in the same order.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ..domain.ids import RoomId
from ..domain.roles import Kind
from .database import DbConnection

# Joined from the documents on: they are in the order of the pages.
_FROM = (
    "SELECT d.id, d.event_id, e.room_id, r.kind, e.by, coalesce(e.edited_text, e.text)"
    " FROM {documents} AS d JOIN events AS e ON e.id = d.event_id"
    " JOIN rooms AS r ON r.id = e.room_id ORDER BY d.id"
)
_TEXTS = sa.text(
    _FROM.format(
        documents="(SELECT id, event_id FROM search_documents WHERE id > :after"
        " ORDER BY id LIMIT :limit)"
    )
)
_THESE: sa.BindParameter[Any] = sa.bindparam("numbers", expanding=True)
_TEXTS_OF = sa.text(
    _FROM.format(documents="(SELECT id, event_id FROM search_documents WHERE id IN :numbers)")
).bindparams(_THESE)
_KEYS_OF = sa.text("SELECT id, event_id FROM search_documents WHERE id IN :numbers").bindparams(
    _THESE
)
_UNINDEX = sa.text(
    "DELETE FROM search_index WHERE rowid IN"
    " (SELECT id FROM search_documents WHERE id IN :numbers AND words <> '')"
).bindparams(_THESE)
_REMOVE = sa.text("DELETE FROM search_documents WHERE id IN :numbers").bindparams(_THESE)
_LAST = sa.text("SELECT coalesce(max(id), 0) FROM search_documents")


def texts(connection: DbConnection, after: int, limit: int) -> Sequence[Any]:
    """Return what the documents after the number ``after`` are made of; none at the end."""
    return connection.execute(_TEXTS, {"after": after, "limit": limit}).all()


def texts_of(connection: DbConnection, numbers: Sequence[int]) -> Sequence[Any]:
    """Return the same for some documents; those that there are not are left out."""
    return connection.execute(_TEXTS_OF, {"numbers": numbers}).all() if numbers else []


def keys_of(connection: DbConnection, numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return number and event of some documents; those that there are not are left out."""
    rows = connection.execute(_KEYS_OF, {"numbers": numbers}) if numbers else ()
    return [(number, event) for number, event in rows]


def last(connection: DbConnection) -> int:
    """Return the number of the last document; 0 if there is none."""
    found: int = connection.execute(_LAST).scalar_one()
    return found


def insert(connection: DbConnection, rows: Sequence[Any]) -> None:
    """Index messages, rows of :func:`texts`."""
    index = connection.search_index
    documents = [
        (number, event, index.document(Kind(kind), RoomId(room), by, text))
        for number, event, room, kind, by, text in rows
    ]
    connection.copy_in("search_documents", ("id", "event_id", "words"), documents)
    if index.has_entries:
        entries = [(number, words) for number, _, words in documents if words]
        connection.copy_in("search_index", ("rowid", "words"), entries)


def remove(connection: DbConnection, numbers: Sequence[int]) -> None:
    """Remove some documents, as far as they are there."""
    if numbers:
        if connection.search_index.has_entries:
            connection.execute(_UNINDEX, {"numbers": numbers})
        connection.execute(_REMOVE, {"numbers": numbers})


def clear(connection: DbConnection) -> None:
    """Remove all messages from the index."""
    if connection.search_index.has_entries:
        connection.execute(
            sa.text("INSERT INTO search_index (search_index) VALUES ('delete-all')")
        )
    connection.execute(sa.text("DELETE FROM search_documents"))
