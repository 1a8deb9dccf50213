"""The rules of ``parley check`` on rooms, members, and the installation itself."""

from collections.abc import Iterator

from .check_rules import Rule
from .database import DbConnection

# The last event on each user's ban. One that ends a membership does not say until when.
_BANS = """
  SELECT room_id, user_id, type, value FROM (
    SELECT e.room_id, {user} AS user_id, e.type, {value} AS value,
      row_number() OVER (PARTITION BY e.room_id, {user} ORDER BY e.id DESC) AS n
    FROM events AS e WHERE e.type = 'member.joined'
      OR (e.type = 'member.left' AND {banned}) OR (e.type = 'member.updated' AND {has})) AS x
  WHERE n = 1
"""
# The last event on each user's mute. Joining removes one that is over without a word.
_MUTES = """
  SELECT room_id, user_id, value FROM (
    SELECT e.room_id, {user} AS user_id, {value} AS value,
      row_number() OVER (PARTITION BY e.room_id, {user} ORDER BY e.id DESC) AS n
    FROM events AS e WHERE e.type = 'member.updated' AND {has}) AS x
  WHERE n = 1
"""


def member_rules(connection: DbConnection) -> Iterator[Rule]:
    """Return what must hold beside the log."""
    yield from _PLAIN
    field = connection.json_field
    bans, mutes = (
        sql.format(
            user=field("e.data", "user", "bigint"),
            banned=f"{field('e.data', 'reason')} = 'banned'",
            has=connection.has_json_field("e.data", name),
            value=field("e.data", name, "bigint"),
        )
        for sql, name in ((_BANS, "banned_until"), (_MUTES, "muted_until"))
    )
    kind = field("e.data", "kind")
    yield Rule(
        "room {room}: the ban of user {user_id} in the table is not that of the log",
        "SELECT m.room_id AS room, m.user_id FROM members AS m"
        " JOIN rooms AS r ON r.id = m.room_id JOIN users AS u ON u.id = m.user_id"
        f" LEFT JOIN ({bans}) AS l ON l.room_id = m.room_id AND l.user_id = m.user_id"
        " WHERE r.first = 1 AND u.erased_at IS NULL AND u.erasing IS NULL"
        " AND CASE coalesce(l.type, 'none') WHEN 'member.left' THEN m.banned_until IS NULL"
        " ELSE coalesce(m.banned_until, -1) <> coalesce(l.value, -1) END",
        reads_json=True,
    )
    yield Rule(
        "room {room}: user {user_id} is muted in the table, but by no event",
        "SELECT m.room_id AS room, m.user_id FROM members AS m"
        " JOIN rooms AS r ON r.id = m.room_id"
        f" LEFT JOIN ({mutes}) AS l ON l.room_id = m.room_id AND l.user_id = m.user_id"
        " WHERE r.first = 1 AND m.muted_until IS NOT NULL"
        " AND m.muted_until <> coalesce(l.value, -1)",
        reads_json=True,
    )
    yield Rule(
        "room {room}: user {user_id} is muted by an event, but not in the table",
        "SELECT m.room_id AS room, m.user_id FROM members AS m"
        f" JOIN ({mutes}) AS l ON l.room_id = m.room_id AND l.user_id = m.user_id"
        " WHERE l.value IS NOT NULL AND m.muted_until IS NULL AND m.role IS NOT NULL"
        " AND l.value > m.joined_at",
        reads_json=True,
    )
    yield Rule(
        "room {room}: is {stored} in the table, {logged} in the log",
        f"SELECT r.id AS room, r.kind AS stored, {kind} AS logged FROM rooms AS r"
        " JOIN events AS e ON e.id = ((r.id << 32) | 1) AND e.type = 'room.created'"
        f" WHERE {kind} <> r.kind",
        reads_json=True,
    )


_PLAIN = (
    Rule(
        "the installation has no epoch: run parley epoch --new after it was restored",
        "SELECT 1 AS one WHERE NOT EXISTS"
        " (SELECT 1 FROM meta WHERE key = 'epoch' AND length(value) > 0)",
    ),
    Rule(
        "room {room}: its kind is {kind}, which there is not",
        "SELECT id AS room, kind FROM rooms WHERE kind NOT IN ('public', 'private', 'direct')",
    ),
    Rule(
        "room {room}: is direct without its two users, or has them and is not",
        "SELECT id AS room FROM rooms WHERE (kind = 'direct') <> (direct_key IS NOT NULL)",
    ),
    Rule(
        "room {room}: user {user_id} has read up to {read_seq}, and the last event is {head}",
        "SELECT m.room_id AS room, m.user_id, m.read_seq, r.head FROM members AS m"
        " JOIN rooms AS r ON r.id = m.room_id WHERE m.read_seq > r.head OR m.read_seq < 0",
    ),
    Rule(
        "room {room}: user {user_id} has the own marker {own_read_seq}, others {read_seq}",
        "SELECT room_id AS room, user_id, own_read_seq, read_seq FROM members"
        " WHERE own_read_seq >= read_seq OR own_read_seq < 0 OR own_read_moves < 0",
    ),
    Rule(
        "room {room}: user {user_id} has the role {role}, which there is not",
        "SELECT room_id AS room, user_id, role FROM members"
        " WHERE role NOT IN ('member', 'moderator', 'owner')",
    ),
    Rule(
        "room {room}: user {user_id} is a member since no time, or since a time and is none",
        "SELECT room_id AS room, user_id FROM members WHERE (role IS NULL) <> (joined_at IS NULL)",
    ),
)
