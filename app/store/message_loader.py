"""Loads the messages that a batch changes or replies to, and the results of its retries."""

from collections.abc import Callable, Collection, Sequence

from ..domain.appends import Append, Delete, Edit, Pin, React, Send
from ..domain.events import Event
from ..domain.ids import RoomId, event_id
from ..domain.mentions import HERE, ROOM
from ..domain.working_set import Message, WorkingSet
from . import mentioned_present
from .bulk import BulkStatement
from .database import ColumnType, DbConnection
from .events import decode_data

_CLIENT_IDS = BulkStatement(
    "SELECT e.room_id, {e.id}, e.type, e.by, e.at, e.ref, e.text, e.data, e.client_id"
    " FROM {keys} JOIN events AS e ON e.room_id = k.room AND e.by = k.person"
    " AND e.client_id = k.client_id AND e.client_id IS NOT NULL",
    # Statistics from before the first client id make PostgreSQL's planner read the whole index.
    lateral="SELECT e.room_id, {e.id}, e.type, e.by, e.at, e.ref, e.text, e.data, e.client_id"
    " FROM {keys} CROSS JOIN LATERAL (SELECT * FROM events WHERE room_id = k.room"
    " AND by = k.person AND client_id = k.client_id AND client_id IS NOT NULL LIMIT 1) AS e",
    room="bigint",
    person="bigint",
    client_id="text",
)

# Nothing of a hidden room is read: that would take longer than to read nothing.
# The operator, and authors of whom only the decision can tell, get what there is.
_OPERATOR = 0
_KEY: dict[str, ColumnType] = {"id": "bigint", "room": "bigint", "person": "bigint"}
_VISIBLE_ID = (
    f"CASE WHEN k.person = {_OPERATOR}"
    " OR EXISTS (SELECT 1 FROM members AS m"
    " WHERE m.room_id = k.room AND m.user_id = k.person AND m.role IS NOT NULL)"
    " OR EXISTS (SELECT 1 FROM users AS u WHERE u.id = k.person AND u.is_admin)"
    " OR EXISTS (SELECT 1 FROM rooms AS r WHERE r.id = k.room AND r.kind = 'public')"
    " THEN k.id ELSE 0 END"
)

# The last columns: whether it mentions EVERYONE, and if only those who were present, whom.
_MESSAGES = BulkStatement(
    "SELECT e.room_id, {e.id}, e.by, e.text, e.edited_text, e.edited_at, e.deleted_at,"
    " e.pinned_at, EXISTS (SELECT 1 FROM mentions AS n WHERE n.user_id = 0"
    " AND n.event_id = e.id), (SELECT n.among FROM mentions AS n WHERE n.user_id = 0"
    " AND n.event_id = e.id) FROM {keys} CROSS JOIN events AS e"
    f" WHERE e.id = {_VISIBLE_ID} AND e.type = 'message.created'",
    **_KEY,
)

_REACTIONS = BulkStatement(
    "SELECT r.event_id, r.emoji, r.user_id FROM {keys} CROSS JOIN reactions AS r"
    f" WHERE r.event_id = {_VISIBLE_ID}",
    **_KEY,
)

_Fill = Callable[[WorkingSet], None]
"""Puts the rows of queries that have been asked for into the working set."""


def _nothing(_ws: WorkingSet) -> None:
    """The rows of queries that nothing in the batch needs."""


def ask_for_keys(connection: DbConnection, appends: Sequence[Append]) -> _Fill:
    """Ask which events were stored with the idempotency keys of ``appends``."""
    keys = {(a.room, a.by, a.client_id) for a in appends if a.client_id is not None}
    if not keys:
        return _nothing
    rows = _CLIENT_IDS.rows(connection, keys)

    def fill(ws: WorkingSet) -> None:
        for room, id_, kind, by, at, ref, text, data, client_id in rows:
            seq = id_ - event_id(room, 0)
            ws.keys[room, by, client_id] = Event(
                room, seq, kind, by, at, ref, text, decode_data(data), client_id
            )

    return fill


def ask_for_messages(
    connection: DbConnection,
    changes: Sequence[Edit | Delete | React | Pin],
    sends: Sequence[Send],
    *,
    opened: Collection[RoomId],
) -> _Fill:
    """
    Ask for the messages that ``changes`` change and that ``sends`` reply to.

    Args:
        opened: Rooms that the batch itself may make visible to an author before it is their turn.

    """

    def key(append: Append, seq: int) -> tuple[int, int, int]:
        known = append.by is None or append.room in opened
        return event_id(append.room, seq), append.room, _OPERATOR if known else append.by or 0

    wanted = {key(a, a.ref) for a in changes}
    wanted |= {key(a, a.reply_to) for a in sends if a.reply_to is not None}
    if not wanted:
        return _nothing
    rows = _MESSAGES.rows(connection, wanted)
    reacted = {key(a, a.ref) for a in changes if isinstance(a, React)}
    reactions = _REACTIONS.rows(connection, reacted) if reacted else ()

    def fill(ws: WorkingSet) -> None:
        by_id: dict[int, Message] = {}
        for room, id_, *columns, of_room, among in rows:
            seq = id_ - event_id(room, 0)
            message = by_id[id_] = ws.messages[room, seq] = Message(room, seq, *columns)
            if among is not None:
                message.mentions_room = HERE
                message.mentioned_present = mentioned_present.decode(among)
            elif of_room:
                message.mentions_room = ROOM
        for id_, emoji, user in reactions:
            by_id[id_].reactions.setdefault(emoji, set()).add(user)

    return fill
