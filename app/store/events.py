"""Reading a room's log, by its primary key: a page costs the same in a room of any length."""

from typing import Any

import orjson
import sqlalchemy as sa

from app.domain.events import Event, EventBatch, users_of
from app.domain.ids import RoomId, Seq, event_id
from app.domain.roles import Kind
from app.store.names import usernames
from app.store.query import Query

# What is replayed is what holds now: the text of a message, and of its edits, as it is today.
_AFTER = Query(
    "SELECT e.id, e.type, e.by, e.at, e.ref,"
    " CASE e.type WHEN 'message.created' THEN coalesce(e.edited_text, e.text)"
    " WHEN 'message.edited' THEN (SELECT coalesce(m.edited_text, m.text) FROM events AS m"
    " WHERE m.id = (e.room_id << 32 | e.ref)) ELSE e.text END,"
    " e.data, e.client_id, e.edited_at, e.deleted_at"
    " FROM events AS e WHERE e.id > :after AND e.id <= :upto ORDER BY e.id LIMIT :limit"
)
_ROOM = sa.text("SELECT name, kind FROM rooms WHERE id = :room")
_HEADS = sa.text("SELECT head FROM rooms WHERE id = :room")
_FIRSTS = sa.text("SELECT first FROM rooms WHERE id = :room")


def after(
    connection: sa.Connection, room: RoomId, seq: int, *, upto: int, limit: int
) -> list[Event]:
    """At most ``limit`` events after ``seq``, up to and with ``upto``, oldest first."""
    start = event_id(room, 0)
    rows = _AFTER.rows(connection, after=start + seq, upto=start + upto, limit=limit)
    return [
        Event(
            room,
            Seq(id_ - start),
            kind,
            by,
            at,
            ref,
            text,
            decoded(data),
            client_id,
            edited_at,
            deleted_at,
        )
        for id_, kind, by, at, ref, text, data, client_id, edited_at, deleted_at in rows
    ]


def batch_after(
    connection: sa.Connection, room: RoomId, seq: int, *, upto: int, limit: int
) -> EventBatch | None:
    """Like :func:`after`, with the names of those whom the events speak of; None if empty."""
    events = after(connection, room, seq, upto=upto, limit=limit)
    if not events:
        return None
    users = set().union(*(users_of(event) for event in events))
    name, kind = connection.execute(_ROOM, {"room": room}).one()
    return EventBatch(room, name, Kind(kind), events, usernames(connection, users))


def head(connection: sa.Connection, room: RoomId) -> int:
    """Seq of the last event."""
    found: int = connection.execute(_HEADS, {"room": room}).scalar_one()
    return found


def first(connection: sa.Connection, room: RoomId) -> int:
    """Seq of the oldest event that is kept; without any, of the next."""
    found: int = connection.execute(_FIRSTS, {"room": room}).scalar_one()
    return found


def decoded(data: str | None) -> dict[str, Any] | None:
    """The ``data`` column."""
    return None if data is None else orjson.loads(data)
