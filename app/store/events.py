"""A room's log, read by key: a page costs the same in a room of any length."""

from collections.abc import Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from ..domain.events import Event, EventBatch, users_of
from ..domain.ids import RoomId, Seq, event_id
from ..domain.roles import Kind
from .damage import Damaged
from .database import DbConnection
from .query import Query
from .usernames import usernames

# A replay shows the present text: a message, and each of its edits, has the text of the last edit.
_AFTER = Query(
    "SELECT {e.id}, e.type, e.by, e.at, e.ref,"
    " CASE e.type WHEN 'message.created' THEN coalesce(e.edited_text, e.text)"
    " WHEN 'message.edited' THEN (SELECT"
    " CASE WHEN {m.id} IS NOT NULL THEN coalesce(m.edited_text, m.text) END FROM events AS m"
    " WHERE m.id = (e.room_id << 32 | e.ref)) ELSE e.text END,"
    " e.data, e.client_id, e.edited_at, e.deleted_at"
    " FROM events AS e WHERE e.id >"
    # A pinned message may have stayed from before the first event.
    " (SELECT CASE WHEN CAST(:after AS bigint) < (r.id << 32 | r.first) - 1"
    " THEN (r.id << 32 | r.first) - 1 ELSE CAST(:after AS bigint) END"
    " FROM rooms AS r WHERE r.id = :room)"
    " AND e.id <= :upto ORDER BY e.id LIMIT :limit"
)
_ROOM = sa.text("SELECT name, kind FROM rooms WHERE id = :room")
_HEADS = sa.text("SELECT head FROM rooms WHERE id = :room")
_FIRSTS = sa.text("SELECT first FROM rooms WHERE id = :room")


def after(
    connection: DbConnection, room: RoomId, seq: int, *, upto: int, limit: int
) -> list[Event]:
    """
    Return at most ``limit`` events after ``seq``, oldest first, none after ``upto``.

    Raises:
        Damaged: If one of them is not what was written, or is missing.

    """
    start = event_id(room, 0)
    rows = _AFTER.rows(connection, room=room, after=start + seq, upto=start + upto, limit=limit)
    _require_consecutive(connection, room, [row[0] - start for row in rows], seq, upto, limit)
    return [
        Event(
            room,
            Seq(id_ - start),
            kind,
            by,
            at,
            ref,
            text,
            decode_data(data),
            client_id,
            edited_at,
            deleted_at,
        )
        for id_, kind, by, at, ref, text, data, client_id, edited_at, deleted_at in rows
    ]


def _require_consecutive(
    connection: DbConnection, room: RoomId, seqs: Sequence[int], after: int, upto: int, limit: int
) -> None:
    """Check that the log has no gap: what is missing has been removed at its beginning."""
    last = after + len(seqs)
    if seqs and seqs[0] != after + 1:
        last = first(connection, room) - 1 + len(seqs)
    consecutive = not seqs or seqs == list(range(last - len(seqs) + 1, last + 1))
    if consecutive and (len(seqs) == limit or last >= upto):
        return
    if consecutive and last >= min(upto, head(connection, room)):
        return
    if not seqs and first(connection, room) > upto:
        return
    raise Damaged(f"room {room}: an event after {after} is missing")


def batch_after(
    connection: DbConnection, room: RoomId, seq: int, *, upto: int, limit: int
) -> EventBatch | None:
    """Like :func:`after`, with the names of the users in the events; None if there are none."""
    events = after(connection, room, seq, upto=upto, limit=limit)
    if not events:
        return None
    users = set().union(*(users_of(event) for event in events))
    name, kind = connection.execute(_ROOM, {"room": room}).one()
    return EventBatch(room, name, Kind(kind), events, usernames(connection, users))


def head(connection: DbConnection, room: RoomId) -> int:
    """Return the seq of the last event."""
    return _bound(connection, _HEADS, room)


def first(connection: DbConnection, room: RoomId) -> int:
    """Return the seq of the oldest event that is kept, or of the next one if none is."""
    return _bound(connection, _FIRSTS, room)


def _bound(connection: DbConnection, query: sa.TextClause, room: RoomId) -> int:
    found: int | None = connection.execute(query, {"room": room}).scalar_one_or_none()
    if found is None:
        raise Damaged(f"room {room}: is missing")
    return found


def decode_data(data: str | None) -> dict[str, Any] | None:
    """Decode the ``data`` column."""
    return None if data is None else orjson.loads(data)
