"""The rules of ``parley check`` that are queries: the log, and what is derived from it."""

from collections.abc import Iterator
from typing import NamedTuple

from ..domain.ids import EVERYONE
from .database import DbConnection
from .event_checksum import sealing


class Rule(NamedTuple):
    """A query for rows that must not exist, and the sentence for each of them."""

    sentence: str
    sql: str
    reads_json: bool = False
    """Whether it fails if the ``data`` of an event is not JSON."""


# Findings name an event by room and seq, by which it can be looked up.
_AT = "({id} >> 32) AS room, ({id} & 4294967295) AS seq"


def at(column: str) -> str:
    """Return the columns ``room`` and ``seq`` of the id in ``column``."""
    return _AT.format(id=column)


_FIRST = "SELECT r.first FROM rooms AS r WHERE r.id = ({id} >> 32)"
_IN_LOG = f"(m.id & 4294967295) >= ({_FIRST.format(id='m.id')})"

# The last event of each user, per message and emoji. Deleted messages keep no reactions.
_REACTIONS = """
  SELECT (w.room_id << 32) | w.ref AS event_id, w.emoji AS emoji, w.person AS user_id,
    w.id & 4294967295 AS seq
  FROM (SELECT e.id, e.room_id, e.ref, e.type, e.by AS person, {emoji} AS emoji,
      row_number() OVER (PARTITION BY e.room_id, e.ref, e.by, {emoji} ORDER BY e.id DESC) AS n
    FROM events AS e WHERE e.type IN ('reaction.added', 'reaction.removed')) AS w
  JOIN events AS m ON m.id = ((w.room_id << 32) | w.ref) AND m.deleted_at IS NULL
  WHERE w.n = 1 AND w.type = 'reaction.added'
"""
# The users that the present text mentions, or EVERYONE.
_MENTIONS = """
  SELECT {person} AS user_id, w.message AS event_id
  FROM (SELECT e.id, e.data, e.message,
      row_number() OVER (PARTITION BY e.message ORDER BY e.id DESC) AS n
    FROM (SELECT id, data, id AS message FROM events WHERE type = 'message.created'
      UNION ALL SELECT id, data, (room_id << 32) | ref FROM events
      WHERE type = 'message.edited') AS e) AS w
  JOIN events AS m ON m.id = w.message AND m.deleted_at IS NULL
    AND (m.edited_at IS NULL OR w.id <> m.id)
  {mentioned}
  WHERE w.n = 1{also}
"""
# The role in the last event about each membership.
_ROLES = """
  SELECT room_id, user_id, role FROM (
    SELECT c.room_id, c.user_id, c.role,
      row_number() OVER (PARTITION BY c.room_id, c.user_id ORDER BY c.id DESC) AS n
    FROM (SELECT id, room_id, by AS user_id,
        CASE WHEN {kind} = 'direct' THEN 'member' ELSE 'owner' END AS role
      FROM events WHERE type = 'room.created' AND by IS NOT NULL
      UNION ALL SELECT id, room_id, {user},
        CASE type WHEN 'member.joined' THEN 'member' WHEN 'member.updated' THEN {role} END
      FROM events WHERE type IN ('member.joined', 'member.left')
        OR (type = 'member.updated' AND {role} IS NOT NULL)) AS c) AS last WHERE n = 1
"""
# Events of a kind, the last of them per message.
_LAST = """
  SELECT room_id, ref, type, text FROM (SELECT room_id, ref, type, text,
      row_number() OVER (PARTITION BY room_id, ref ORDER BY id DESC) AS n
    FROM events WHERE type IN ({types})) AS x WHERE n = 1
"""
_EDITS = _LAST.format(types="'message.edited'")
_PINS = _LAST.format(types="'message.pinned', 'message.unpinned'")


def rules(connection: DbConnection) -> Iterator[Rule]:
    """Return what must hold of the log, and of what is derived from it."""
    field = connection.json_field
    words = {
        "emoji": field("e.data", "emoji"),
        "person": "CAST(j.value AS bigint)",
        "mentioned": f"JOIN {connection.json_items('w.data', 'mentions')} AS j ON true",
        "kind": field("data", "kind"),
        "user": field("data", "user", "bigint"),
        "role": field("data", "role"),
    }
    reactions = _REACTIONS.format(**words)
    also = f" AND {field('w.data', 'mentions_room')} IS NOT NULL"
    of_room = {**words, "person": EVERYONE, "mentioned": "", "also": also}
    named = _MENTIONS.format(**words, also="")
    mentions = f"SELECT * FROM ({named} UNION ALL {_MENTIONS.format(**of_room)}) AS y"
    roles = _ROLES.format(**words)
    if connection.has_checksums:
        yield _CHECKSUMS
    yield from _NUMBERS
    yield from _MESSAGES
    # Of a message that is older than the log, earlier reactions and edits are in no event.
    stored = "SELECT event_id, emoji, user_id, seq FROM reactions"
    known = f"{stored} AS x WHERE seq >= ({_FIRST.format(id='x.event_id')})"
    yield Rule(
        "room {room}, message {seq}: the table lacks a reaction of user {user_id} in the log",
        f"SELECT {at('x.event_id')}, x.user_id FROM ({reactions} EXCEPT {stored}) AS x",
        reads_json=True,
    )
    yield Rule(
        "room {room}, message {seq}: the log lacks a reaction of user {user_id} in the table",
        f"SELECT {at('x.event_id')}, x.user_id FROM ({known} EXCEPT {reactions}) AS x",
        reads_json=True,
    )
    stored = "SELECT user_id, event_id FROM mentions"
    known = (
        f"{stored} AS x WHERE NOT EXISTS (SELECT 1 FROM events AS m WHERE m.id = x.event_id"
        f" AND m.edited_at IS NOT NULL AND NOT {_IN_LOG})"
    )
    yield Rule(
        "room {room}, message {seq}: the table lacks a mention of user {user_id} in the log",
        f"SELECT {at('x.event_id')}, x.user_id FROM ({mentions} EXCEPT {stored}) AS x",
        reads_json=True,
    )
    yield Rule(
        "room {room}, message {seq}: the log lacks a mention of user {user_id} in the table",
        f"SELECT {at('x.event_id')}, x.user_id FROM ({known} EXCEPT {mentions}) AS x",
        reads_json=True,
    )
    yield Rule(
        "room {room}: user {user_id} has the role {stored} in the table, {logged} in the log",
        "SELECT l.room_id AS room, l.user_id, coalesce(m.role, 'none') AS stored,"
        f" coalesce(l.role, 'none') AS logged FROM ({roles}) AS l LEFT JOIN members AS m"
        " ON m.room_id = l.room_id AND m.user_id = l.user_id"
        " WHERE coalesce(m.role, '') <> coalesce(l.role, '')",
        reads_json=True,
    )
    # Unknown in rooms whose first events have been removed.
    yield Rule(
        "room {room}: user {user_id} has the role {stored} in the table, but in no event",
        "SELECT m.room_id AS room, m.user_id, m.role AS stored FROM members AS m"
        " JOIN rooms AS r ON r.id = m.room_id"
        f" LEFT JOIN ({roles}) AS l ON l.room_id = m.room_id AND l.user_id = m.user_id"
        " WHERE m.role IS NOT NULL AND l.user_id IS NULL AND r.first = 1",
        reads_json=True,
    )


KEPT = (
    "(e.id < ((r.id << 32) | r.first) AND e.type = 'message.created'"
    " AND (e.pinned_at IS NOT NULL OR EXISTS (SELECT 1 FROM events AS u"
    " WHERE u.room_id = e.room_id AND u.ref = (e.id & 4294967295) AND u.ref IS NOT NULL"
    " AND u.type IN ('message.unpinned', 'message.deleted'))))"
)
"""
Whether the event ``e`` of the room ``r`` is a message that retention keeps from before the first.

It does while it is pinned, and then until it is noticed that it is not.
"""
_CHECKSUMS = Rule(
    "room {room}, event {seq}: is not what was written (its checksum is wrong)",
    f"SELECT {at('e.id')} FROM events AS e WHERE e.checksum <> {sealing('e')}",
)
_NUMBERS = (
    Rule(
        "room {room}: head is {head}, but the last event is {last}",
        "SELECT r.id AS room, r.head, coalesce(max(e.id) & 4294967295, r.first - 1) AS last"
        " FROM rooms AS r LEFT JOIN events AS e"
        " ON e.id >= ((r.id << 32) | r.first) AND e.id < ((r.id + 1) << 32)"
        " GROUP BY r.id, r.head, r.first"
        " HAVING r.head <> coalesce(max(e.id) & 4294967295, r.first - 1)",
    ),
    Rule(
        "room {room}: first is {first}, but the oldest event is {oldest}",
        "SELECT r.id AS room, r.first, min(e.id) & 4294967295 AS oldest"
        " FROM rooms AS r JOIN events AS e"
        " ON e.id >= (r.id << 32) AND e.id < ((r.id + 1) << 32)"
        f" WHERE NOT {KEPT} GROUP BY r.id, r.first HAVING r.first <> (min(e.id) & 4294967295)",
    ),
    Rule(
        "room {room}: event {seq} is followed by {following}",
        "SELECT (id >> 32) AS room, id & 4294967295 AS seq, following & 4294967295 AS following"
        " FROM (SELECT id, lead(id) OVER (ORDER BY id) AS following FROM events) AS x"
        " WHERE following <> id + 1 AND (following >> 32) = (id >> 32)"
        " AND (id & 4294967295) >= (SELECT r.first FROM rooms AS r WHERE r.id = (x.id >> 32))",
    ),
    Rule(
        "event {id}: its key says room {room}, its row {room_id}",
        "SELECT id, (id >> 32) AS room, room_id FROM events WHERE room_id <> (id >> 32)",
    ),
    Rule(
        "room {room}: has events, but does not exist",
        "SELECT DISTINCT e.room_id AS room FROM events AS e LEFT JOIN rooms AS r"
        " ON r.id = e.room_id WHERE r.id IS NULL",
    ),
    Rule(
        "room {room}, event {seq}: is by user {person}, who does not exist",
        f"SELECT {at('e.id')}, e.by AS person FROM events AS e"
        " LEFT JOIN users AS u ON u.id = e.by WHERE e.by IS NOT NULL AND u.id IS NULL",
    ),
    Rule(
        "room {room}: user {person} has {times} events with the same client id",
        "SELECT room_id AS room, by AS person, count(*) AS times FROM events"
        " WHERE client_id IS NOT NULL AND by IS NOT NULL"
        " GROUP BY room_id, by, client_id HAVING count(*) > 1",
    ),
)
_MESSAGES = (
    Rule(
        "room {room}, event {seq}: refers to {ref}, which is not an earlier message",
        f"SELECT {at('e.id')}, e.ref FROM events AS e JOIN rooms AS r ON r.id = e.room_id"
        " LEFT JOIN events AS m ON m.id = ((e.room_id << 32) | e.ref)"
        " AND m.type = 'message.created' AND m.id < e.id"
        " WHERE e.ref IS NOT NULL AND e.ref >= r.first AND m.id IS NULL",
    ),
    Rule(
        "room {room}, message {seq}: is deleted, but its text is left",
        f"SELECT {at('id')} FROM events WHERE deleted_at IS NOT NULL"
        " AND (text IS NOT NULL OR edited_text IS NOT NULL OR data IS NOT NULL)",
    ),
    Rule(
        "room {room}, event {seq}: is an edit of a deleted message, but its text is left",
        f"SELECT {at('e.id')} FROM events AS e"
        " JOIN events AS m ON m.id = ((e.room_id << 32) | e.ref) AND m.deleted_at IS NOT NULL"
        " WHERE e.type = 'message.edited' AND (e.text IS NOT NULL OR e.data IS NOT NULL)",
    ),
    Rule(
        "room {room}, message {seq}: is deleted in the table or in the log, but not in both",
        f"SELECT {at('m.id')} FROM events AS m LEFT JOIN events AS d ON d.room_id = m.room_id"
        " AND d.ref = (m.id & 4294967295) AND d.ref IS NOT NULL AND d.type = 'message.deleted'"
        " WHERE m.type = 'message.created' AND (m.deleted_at IS NULL) <> (d.id IS NULL)",
    ),
    Rule(
        "room {room}, message {seq}: its text is not that of its last edit",
        f"SELECT {at('m.id')} FROM events AS m LEFT JOIN ({_EDITS}) AS d"
        " ON d.room_id = m.room_id AND d.ref = (m.id & 4294967295)"
        " WHERE m.type = 'message.created' AND m.deleted_at IS NULL"
        f" AND (d.ref IS NOT NULL OR {_IN_LOG})"
        " AND coalesce(m.edited_text, '') <> coalesce(d.text, '')",
    ),
    Rule(
        "room {room}, message {seq}: is pinned in the table or in the log, but not in both",
        f"SELECT {at('m.id')} FROM events AS m LEFT JOIN ({_PINS}) AS d"
        " ON d.room_id = m.room_id AND d.ref = (m.id & 4294967295)"
        " WHERE m.type = 'message.created' AND m.deleted_at IS NULL"
        f" AND (d.ref IS NOT NULL OR {_IN_LOG})"
        " AND (m.pinned_at IS NOT NULL) <> (coalesce(d.type, '') = 'message.pinned')",
    ),
)
