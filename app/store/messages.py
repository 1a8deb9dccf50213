"""
Messages as they are now, in pages by key, never by offset.

Reactions, replies and mentions of a page are one statement each, whatever its size.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from ..domain.ids import EVERYONE, SEQ_BITS, EventId, RoomId, Seq, event_id
from ..domain.mentions import HERE, ROOM
from ..domain.server_limits import MAX_COMPARED_EVENTS
from ..domain.views import MessagePage, MessageView
from .bulk import BulkStatement
from .damage import Damaged
from .database import DbConnection
from .events import decode_data
from .query import Query
from .usernames import usernames

_COLUMNS = (
    "SELECT {e.id}, (SELECT username FROM users WHERE users.id = e.by), e.at, e.ref,"
    " coalesce(e.edited_text, e.text), e.data, e.client_id, e.edited_at, e.deleted_at,"
    " e.pinned_at, e.by FROM events AS e WHERE e.type = 'message.created'"
)
_OLDER = Query(_COLUMNS + " AND e.id > :low AND e.id < :high ORDER BY e.id DESC LIMIT :limit")
_NEWER = Query(_COLUMNS + " AND e.id > :low AND e.id < :high ORDER BY e.id LIMIT :limit")
_PINNED = Query(
    _COLUMNS + " AND e.pinned_at IS NOT NULL AND e.id > :low AND e.id < :high"
    " ORDER BY e.id DESC LIMIT :limit"
)
_REPLIES_AFTER = Query(
    _COLUMNS + " AND e.room_id = :room AND e.ref = :ref AND e.ref IS NOT NULL"
    " AND e.id > :low AND e.id < :high ORDER BY e.id LIMIT :limit"
)
_REPLIES_BEFORE = Query(
    _COLUMNS + " AND e.room_id = :room AND e.ref = :ref AND e.ref IS NOT NULL"
    " AND e.id > :low AND e.id < :high ORDER BY e.id DESC LIMIT :limit"
)
_BY_IDS = BulkStatement(
    _COLUMNS.replace("FROM events AS e", "FROM {keys} JOIN events AS e ON e.id = k.id"),
    id="bigint",
)
_BOUNDS = Query("SELECT head, first FROM rooms WHERE id = :room")

# From the table itself, not from an index.
_COUNT = Query(
    "SELECT count(*), count(*) FILTER (WHERE e.type = 'message.created')"
    " FROM events AS e NOT INDEXED WHERE e.id >= :first AND e.id <= :last"
)
_REACTIONS = BulkStatement(
    "SELECT r.event_id, r.emoji, r.user_id FROM {keys}"
    " JOIN reactions AS r ON r.event_id = k.id ORDER BY r.seq",
    id="bigint",
)
_REPLY_COUNTS = BulkStatement(
    "SELECT k.id, count(*), max(e.id) FROM {keys} JOIN events AS e"
    " ON e.room_id = k.room AND e.ref = k.seq AND e.ref IS NOT NULL"
    " WHERE e.type = 'message.created' AND e.deleted_at IS NULL GROUP BY k.id",
    id="bigint",
    room="bigint",
    seq="bigint",
)
_MENTIONS = BulkStatement(
    "SELECT m.event_id, m.user_id, m.among IS NOT NULL"
    " FROM {keys} JOIN mentions AS m ON m.event_id = k.id",
    id="bigint",
)


def before(connection: DbConnection, room: RoomId, seq: int | None, limit: int) -> MessagePage:
    """Return the last messages before ``seq``, or the newest if it is None; oldest first."""
    head, first = _bounds(connection, room)
    high = head + 1 if seq is None else min(seq, head + 1)
    rows = _rows(connection, _OLDER, room, first - 1, high, limit + 1)
    views = _views(connection, rows[:limit][::-1])
    low = max(high, first) - 1
    newer = low < head and bool(_rows(connection, _NEWER, room, low, head + 1, 1))
    return MessagePage(views, head, first, len(rows) > limit, newer)


def after(connection: DbConnection, room: RoomId, seq: int, limit: int) -> MessagePage:
    """Return the first messages after ``seq``."""
    head, first = _bounds(connection, room)
    low = min(max(seq, first - 1), head)
    rows = _rows(connection, _NEWER, room, low, head + 1, limit + 1)
    views = _views(connection, rows[:limit])
    older = bool(_rows(connection, _OLDER, room, first - 1, low + 1, 1))
    return MessagePage(views, head, first, older, len(rows) > limit)


def around(connection: DbConnection, room: RoomId, seq: int, limit: int) -> MessagePage:
    """Return the messages around ``seq``: half of them before it, the others from it on."""
    head, first = _bounds(connection, room)
    half = limit // 2
    older = _rows(connection, _OLDER, room, first - 1, min(seq, head + 1), half + 1)
    newer = _rows(connection, _NEWER, room, max(seq - 1, first - 1), head + 1, limit - half + 1)
    rows = [*older[:half][::-1], *newer[: limit - half]]
    return MessagePage(
        _views(connection, rows), head, first, len(older) > half, len(newer) > limit - half
    )


def one(connection: DbConnection, room: RoomId, seq: int) -> MessageView | None:
    """Return the message ``seq``; None if it is not a message, or no longer kept."""
    _head, first = _bounds(connection, room)
    query = _NEWER if seq >= first else _PINNED
    rows = _rows(connection, query, room, seq - 1, seq + 1, 1)
    return _views(connection, rows)[0] if rows else None


def pinned(connection: DbConnection, room: RoomId, before: int | None, limit: int) -> MessagePage:
    """Return pinned messages before ``before``, newest first; ``has_older`` if there are more."""
    head, first = _bounds(connection, room)
    high = head + 1 if before is None else min(before, head + 1)
    # From the beginning: a pinned message stays when its event is removed.
    rows = _rows(connection, _PINNED, room, 0, high, limit + 1)
    views = _views(connection, rows[:limit])
    return MessagePage(views, head, first, len(rows) > limit, has_newer=False)


def replies(
    connection: DbConnection, room: RoomId, seq: int, *, after: int, limit: int
) -> MessagePage:
    """Return the replies to ``seq`` after ``after``, oldest first."""
    head, first = _bounds(connection, room)
    # From the beginning, as pinned messages.
    low = min(after, head)
    rows = _rows(connection, _REPLIES_AFTER, room, low, head + 1, limit + 1, ref=seq)
    older = _rows(connection, _REPLIES_BEFORE, room, 0, low + 1, 1, ref=seq)
    views = _views(connection, rows[:limit])
    return MessagePage(views, head, first, bool(older), len(rows) > limit)


def by_ids(connection: DbConnection, ids: Sequence[EventId]) -> dict[EventId, MessageView]:
    """Return messages of any rooms by id. Ids of no message are left out."""
    rows = _BY_IDS.rows(connection, [(id_,) for id_ in ids]) if ids else []
    return {event_id(view.room, view.seq): view for view in _views(connection, rows)}


def _bounds(connection: DbConnection, room: RoomId) -> tuple[int, int]:
    for head, first in _BOUNDS.rows(connection, room=room):
        return head, first
    raise Damaged(f"room {room}: is missing")


def _rows(
    connection: DbConnection,
    query: Query,
    room: RoomId,
    low: int,
    high: int,
    limit: int,
    *,
    ref: int | None = None,
) -> Sequence[Any]:
    start = event_id(room, 0)
    replied = {} if ref is None else {"room": room, "ref": ref}
    rows = query.rows(connection, low=start + low, high=start + high, limit=limit, **replied)
    if connection.has_checksums and limit > 1 and query in (_OLDER, _NEWER):
        first, last = start + low + 1, start + high - 1
        if len(rows) == limit:
            first, last = (rows[-1][0], last) if query is _OLDER else (first, rows[-1][0])
        _require_all(connection, rows, first, last)
    return rows


def _require_all(connection: DbConnection, rows: Sequence[Any], first: int, last: int) -> None:
    """
    Check that ``rows`` are all messages from ``first`` to ``last``: an index may be damaged.

    Raises:
        Damaged: If the log has others, or lacks an event.

    """
    if not first <= last < first + MAX_COMPARED_EVENTS:
        return
    [(events, messages)] = _COUNT.rows(connection, first=first, last=last)
    if events != last - first + 1 or messages != len(rows):
        room, seq = first >> SEQ_BITS, _seq(first)
        raise Damaged(f"room {room}: from event {seq} to {_seq(last)} some are missing")


def _views(connection: DbConnection, rows: Iterable[Any]) -> list[MessageView]:
    by_id: dict[int, MessageView] = {}
    for row in rows:
        id_, by, at, ref, text, data, client_id, edited_at, deleted_at, pinned_at, author = row
        if by is None and author is not None:
            raise Damaged(f"room {id_ >> SEQ_BITS}, event {_seq(id_)}: its author is missing")
        by_id[id_] = MessageView(
            RoomId(id_ >> SEQ_BITS),
            _seq(id_),
            at,
            by,
            text,
            None if data is None else (decode_data(data) or {}).get("data"),
            ref,
            client_id,
            edited_at,
            deleted_at,
            pinned_at is not None,
        )
    if by_id:
        _add_reactions_mentions_and_replies(connection, by_id)
    return list(by_id.values())


def _add_reactions_mentions_and_replies(
    connection: DbConnection, by_id: dict[int, MessageView]
) -> None:
    keys = [(id_,) for id_ in by_id]
    reactions = _REACTIONS.rows(connection, keys)
    mentions = _MENTIONS.rows(connection, keys)
    users = {user for _, _, user in reactions} | {user for _, user, _ in mentions}
    names = usernames(connection, users - {EVERYONE})
    for id_, emoji, user in reactions:
        by_id[id_].reactions.setdefault(emoji, []).append(names[user])
    for id_, user, is_of_present in mentions:
        if user == EVERYONE:
            by_id[id_].mentions_room = HERE if is_of_present else ROOM
        else:
            by_id[id_].mentions.append(names[user])
    replied = [(id_, view.room, view.seq) for id_, view in by_id.items()]
    for id_, count, last in _REPLY_COUNTS.rows(connection, replied):
        by_id[id_].reply_count, by_id[id_].last_reply = count, _seq(last)


def _seq(id_: int) -> Seq:
    return Seq(id_ & (1 << SEQ_BITS) - 1)
