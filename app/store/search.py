"""
The index of what messages say.

On PostgreSQL the committer keeps it, in the transaction that says it. On SQLite new messages
are indexed many at once, a moment later; a search waits for that. Edits and deletions change
the index in their own transaction on both.

One row per message, in the order in which they came: newest first is then the order of the
key, and a search ends as soon as a page is full. Beside the words of the text a row holds
marks, of the room, the author, and for public rooms one for all of them; so that what one may
not read is not even looked at, and takes no time.

    /public /r12 /u7 shall we go          SQLite: FTS5        PostgreSQL: tsvector
"""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from app.domain.ids import SEQ_BITS, EventId, RoomId, UserId, event_id
from app.domain.roles import Kind
from app.domain.words import words
from app.store.bulk import BulkStatement
from app.store.query import driver

Row = tuple[EventId, str]
"""A message, and its document: :func:`document`."""

_PUBLIC = "/public"

_LAST = "SELECT coalesce(max(id), 0) FROM search_documents"
_ADD = "INSERT INTO search_documents (id, event_id, words) VALUES (?, ?, ?)"
_INDEX = "INSERT INTO search_index (rowid, words) VALUES (?, ?)"
# The index reads from the documents what it has to forget: so it goes first. It must not be
# told to forget what it does not hold: a document without words is never in it.
_UNINDEX = BulkStatement(
    "DELETE FROM search_index WHERE rowid IN"
    " (SELECT d.id FROM {keys} JOIN search_documents AS d ON d.event_id = k.event"
    " WHERE d.words <> '')",
    event="bigint",
)
_CHANGE = BulkStatement(
    "UPDATE search_documents SET words = k.words FROM {keys}"
    " WHERE search_documents.event_id = k.event",
    event="bigint",
    words="text",
)
_REINDEX = BulkStatement(
    "INSERT INTO search_index (rowid, words) SELECT d.id, d.words"
    " FROM {keys} JOIN search_documents AS d ON d.event_id = k.event WHERE d.words <> ''",
    event="bigint",
)
_ADD_VECTORS = BulkStatement(
    "INSERT INTO search_documents (event_id, words)"
    " SELECT event, CAST(words AS tsvector) FROM {keys}",
    event="bigint",
    words="text",
)
_CHANGE_VECTORS = BulkStatement(
    "UPDATE search_documents SET words = CAST(k.words AS tsvector) FROM {keys}"
    " WHERE search_documents.event_id = k.event",
    event="bigint",
    words="text",
)
_REBUILD = sa.text("INSERT INTO search_index(search_index) VALUES ('rebuild')")
_FORGET_INDEX = sa.text(
    "DELETE FROM search_index WHERE rowid IN"
    " (SELECT id FROM search_documents WHERE event_id >= :low AND event_id < :high"
    " AND words <> '')"
)
_FORGET = sa.text("DELETE FROM search_documents WHERE event_id >= :low AND event_id < :high")

_FIND = sa.text(
    "SELECT d.event_id FROM search_index AS i JOIN search_documents AS d ON d.id = i.rowid"
    " WHERE i.search_index MATCH :query AND i.rowid < :before ORDER BY i.rowid DESC LIMIT :limit"
)
_FIND_VECTORS = sa.text(
    "SELECT d.event_id FROM search_documents AS d"
    " WHERE d.words @@ CAST(:query AS tsquery) AND d.id < :before ORDER BY d.id DESC LIMIT :limit"
)
_NAMES = BulkStatement(
    "SELECT rooms.id, rooms.name FROM {keys} JOIN rooms ON rooms.id = k.id", id="bigint"
)
_NUMBER = sa.text("SELECT id FROM search_documents WHERE event_id = :event")
_FROM_THE_END = 2**62

_MEMBERSHIPS = sa.text(
    "SELECT m.room_id, m.role, r.kind FROM members AS m JOIN rooms AS r ON r.id = m.room_id"
    " WHERE m.user_id = :user AND ((m.role IS NOT NULL AND r.kind <> 'public')"
    " OR (m.role IS NULL AND r.kind = 'public' AND m.banned_until > :now))"
)


class Scope(NamedTuple):
    """Where one may look: these rooms, public ones except some, and whose messages."""

    rooms: Sequence[RoomId]
    public: bool
    but: Sequence[RoomId]
    by: UserId | None


# Keeping the index


def document(dialect: str, kind: Kind, room: RoomId, by: UserId | None, text: str | None) -> str:
    """What the index holds of a message: nothing once it is deleted."""
    if text is None:
        return ""
    marks = [f"/r{room}", f"/u{by or 0}"]
    if kind is Kind.PUBLIC:
        marks.append(_PUBLIC)
    found = words(text)
    if dialect == "sqlite":
        return " ".join(marks + found)
    # A vector's own text form: words hold neither quotes nor backslashes.
    quoted = [f"'{mark}'" for mark in marks]
    return " ".join(quoted + [f"'{word}':{at}" for at, word in enumerate(found, 1)])


def add(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Index new messages."""
    if connection.dialect.name != "sqlite":
        _ADD_VECTORS.run(connection, rows)
        return
    (last,) = driver(connection).execute(_LAST).fetchone()
    numbered = [(id_, event, made) for id_, (event, made) in enumerate(rows, last + 1)]
    driver(connection).executemany(_ADD, numbered)
    driver(connection).executemany(_INDEX, [(id_, made) for id_, _, made in numbered if made])


def change(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Index messages that say something else now, or nothing any more; what is not indexed
    yet will be as it is by then."""
    if connection.dialect.name != "sqlite":
        rewrite(connection, rows)
        return
    keys = [(event,) for event, _ in rows]
    _UNINDEX.run(connection, keys)
    rewrite(connection, rows)
    _REINDEX.run(connection, keys)


def rewrite(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Change documents behind the back of SQLite's index: :func:`rebuild` it then."""
    is_sqlite = connection.dialect.name == "sqlite"
    (_CHANGE if is_sqlite else _CHANGE_VECTORS).run(connection, rows)


def rebuild(connection: sa.Connection) -> None:
    """Make the index anew from the documents."""
    if connection.dialect.name == "sqlite":
        connection.execute(_REBUILD)


def forget_before(connection: sa.Connection, room: RoomId, seq: int) -> None:
    """Drop the messages of a room before ``seq``: they are no longer kept."""
    bounds = {"low": event_id(room, 0), "high": event_id(room, seq)}
    if connection.dialect.name == "sqlite":
        connection.execute(_FORGET_INDEX, bounds)
    connection.execute(_FORGET, bounds)


# Looking


def everywhere(connection: sa.Connection, user: UserId, by: UserId | None, now: int) -> Scope:
    """Every room that ``user`` may read."""
    found = connection.execute(_MEMBERSHIPS, {"user": user, "now": now}).all()
    return Scope(
        rooms=[room for room, role, _ in found if role is not None],
        public=True,
        but=[room for room, role, _ in found if role is None],
        by=by,
    )


def find(
    connection: sa.Connection,
    phrases: Sequence[Sequence[str]],
    scope: Scope,
    *,
    before: EventId | None,
    limit: int,
) -> list[EventId]:
    """
    The newest messages that hold all ``phrases``, from before the message ``before``.

    Nothing if there is no such message any more to begin from.
    """
    start = _FROM_THE_END
    if before is not None:
        start = connection.execute(_NUMBER, {"event": before}).scalar_one_or_none() or 0
    is_sqlite = connection.dialect.name == "sqlite"
    query = _match(phrases, scope) if is_sqlite else _tsquery(phrases, scope)
    rows = connection.execute(
        _FIND if is_sqlite else _FIND_VECTORS, {"query": query, "before": start, "limit": limit}
    )
    return [EventId(event) for (event,) in rows]


def room_names(connection: sa.Connection, found: Sequence[EventId]) -> dict[EventId, str]:
    """The name of the room that each message is in."""
    keys = {(event >> SEQ_BITS,) for event in found}
    names = dict(map(tuple, _NAMES.rows(connection, keys))) if keys else {}
    return {event: names[event >> SEQ_BITS] for event in found}


def _where(scope: Scope) -> list[str]:
    return [f"/r{room}" for room in scope.rooms] + ([_PUBLIC] if scope.public else [])


def _match(phrases: Sequence[Sequence[str]], scope: Scope) -> str:
    """The query of FTS5: every word in quotes, so that none is taken for an operator."""
    said = [f'"{" ".join(phrase)}"' for phrase in phrases]
    if scope.by is not None:
        said.append(f'"/u{scope.by}"')
    said.append(_any(" OR ", '"', _where(scope)))
    query = " AND ".join(said)
    if scope.but:
        query = f"({query}) NOT " + _any(" OR ", '"', [f"/r{room}" for room in scope.but])
    return query


def _tsquery(phrases: Sequence[Sequence[str]], scope: Scope) -> str:
    """The same in the text form of PostgreSQL's ``tsquery``."""
    said = [_any(" <-> ", "'", phrase) for phrase in phrases]
    if scope.by is not None:
        said.append(f"'/u{scope.by}'")
    said.append(_any(" | ", "'", _where(scope)))
    said += [f"!'/r{room}'" for room in scope.but]
    return " & ".join(said)


def _any(between: str, quote: str, terms: Sequence[str]) -> str:
    return "(" + between.join(quote + term + quote for term in terms) + ")"
