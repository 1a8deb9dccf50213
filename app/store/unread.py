"""
Unread counts, as SQL expressions for a query over members.

Unread are the messages after the member's read marker, by others, that are not deleted.
``mentions`` counts those of them that mention the member or the whole room. Both are counted from
an index alone and no further than clients show, so that the cost does not grow with the room.

:data:`READ_SEQ` and :data:`COUNTED_AFTER` need these tables: ``k`` with ``person``, the user,
``now``, how far the user has read with the present request, and ``seen`` and ``moves``, a mark
that is not stored yet; ``rooms AS r``; ``members AS m``, outer joined.

:data:`UNREAD` and :data:`MENTIONS` need a table ``v`` with what these have found: ``person``, the
room's ``id`` and ``head``, the member's ``role`` and ``notifications``, and ``counted_after``. It
has to be materialized: SQLite would put the expressions in place of the columns, and evaluate them
for each message that is counted.
"""

from ..domain.ids import EVERYONE
from ..domain.limits import MAX_UNREAD_COUNTED
from .mentioned_present import includes

_STORED = "coalesce(m.own_read_seq, m.read_seq, 0)"
# A mark from before the user placed the marker does not count.
_KNOWN = """(CASE WHEN k.moves = coalesce(m.own_read_moves, 0) AND k.seen > k.now THEN k.seen
    ELSE k.now END)"""
READ_SEQ = f"""(CASE WHEN {_KNOWN} <= {_STORED} THEN {_STORED}
    WHEN {_KNOWN} > r.head THEN r.head ELSE {_KNOWN} END)"""
"""The read marker: the later of the stored and the known one, but never beyond the head."""

COUNTED_AFTER = f"(CASE WHEN {READ_SEQ} < r.first THEN r.first - 1 ELSE {READ_SEQ} END)"
"""The seq after which messages are unread: pinned ones from before the first event are not."""


def _counted(id_: str) -> str:
    return f"{id_} > ((v.id << 32) | v.counted_after) AND {id_} <= ((v.id << 32) | v.head)"


def _mentioning(user: object) -> str:
    return f"""SELECT 1 FROM mentions AS n JOIN events AS e ON e.id = n.event_id
    WHERE n.user_id = {user} AND {_counted("n.event_id")}
      AND e.deleted_at IS NULL AND e.by <> v.person"""


UNREAD = f"""CASE WHEN v.role IS NULL THEN 0 ELSE (SELECT count(*) FROM (
    SELECT 1 FROM events AS e
    WHERE {_counted("e.id")} AND e.type = 'message.created'
      AND e.deleted_at IS NULL AND e.by <> v.person LIMIT {MAX_UNREAD_COUNTED}) AS unread) END"""
"""The number of unread messages; 0 for a user who is not a member."""

MENTIONS = f"""CASE WHEN v.role IS NULL THEN 0 ELSE (SELECT count(*) FROM (
    {_mentioning("v.person")}
    UNION ALL {_mentioning(EVERYONE)}
      AND {includes("n.among", "v.person")}
      AND coalesce(v.notifications, '') <> 'none'
      AND NOT EXISTS (
        SELECT 1 FROM blocks AS b WHERE b.user_id = v.person AND b.blocked_id = e.by)
      AND NOT EXISTS (
        SELECT 1 FROM mentions AS o WHERE o.user_id = v.person AND o.event_id = n.event_id)
    LIMIT {MAX_UNREAD_COUNTED}) AS named) END"""
"""
The number of unread messages that mention the user; 0 for a user who is not a member.

A mention of the whole room, or of those who were present if the member was, counts unless the
member wants to be notified of nothing or has blocked the author.
"""
