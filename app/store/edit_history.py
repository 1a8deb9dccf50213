"""What a message said before it was edited."""

import sqlalchemy as sa

from ..domain.ids import RoomId, Seq, event_id
from ..domain.views import EarlierText
from .database import DbConnection
from .query import Query

_ORIGINAL = Query("SELECT {e.id}, e.text, e.at FROM events AS e WHERE e.id = :id")
_LAST_EDIT = sa.text(
    "SELECT max(e.id) FROM events AS e WHERE e.room_id = :room AND e.ref = :ref"
    " AND e.ref IS NOT NULL AND e.type = 'message.edited'"
)
# All edits but the last one, whose wording is the present one.
_EARLIER_EDITS = Query(
    "SELECT {e.id}, e.text, e.at FROM events AS e"
    " WHERE e.room_id = :room AND e.ref = :ref AND e.ref IS NOT NULL"
    " AND e.type = 'message.edited' AND e.id > :low AND e.id < :high ORDER BY e.id LIMIT :limit"
)


def wordings(
    connection: DbConnection, room: RoomId, seq: int, *, after: int, limit: int
) -> list[EarlierText]:
    """
    Return a page of the earlier wordings of the message ``seq``, oldest first.

    Empty if the message was never edited, or has been deleted.

    Args:
        after: The seq of the last wording that is known: the message's own, or an edit's.

    """
    message = {"room": room, "ref": seq}
    last = connection.execute(_LAST_EDIT, message).scalar_one()
    if last is None:
        return []
    start = event_id(room, 0)
    found: list[EarlierText] = []
    if after < seq:
        [(_, text, at)] = _ORIGINAL.rows(connection, id=start + seq)
        found.append(EarlierText(Seq(seq), text, at))
    rows = _EARLIER_EDITS.rows(
        connection, **message, low=start + max(after, seq), high=last, limit=limit
    )
    found += [EarlierText(Seq(id_ - start), text, at) for id_, text, at in rows]
    return [wording for wording in found if wording.text is not None][:limit]
