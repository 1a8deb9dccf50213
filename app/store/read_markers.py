"""
Read markers: how far members have read.

``read_seq`` is the receipt that others see: it never moves back. ``own_read_seq`` is where the
member has marked messages as unread, if that is before the receipt. ``own_read_moves`` counts how
often the marker was placed: a mark that was made before the last time does not undo it.
"""

from collections.abc import Iterable
from typing import NamedTuple

import sqlalchemy as sa

from ..domain.ids import RoomId, UserId
from .bulk import BulkStatement
from .database import DbConnection


class Mark(NamedTuple):
    """How far a user has read in a room."""

    room: RoomId
    user: UserId
    seq: int = 0
    moves: int = 0
    """How often the marker had been placed when this was read."""
    receipt: int = 0
    """The furthest that others were told: at least ``seq``."""

    def merged_with(self, other: "Mark") -> "Mark":
        """One mark for two of the same user and room, in any order."""
        latest = max(self, other, key=lambda mark: (mark.moves, mark.seq))
        return latest._replace(receipt=max(self.receipt, other.receipt))


_OWN = "coalesce(members.own_read_seq, members.read_seq)"
_IS_NEWS = f"(k.moves = members.own_read_moves AND k.seq > {_OWN})"
_MOVED = f"(CASE WHEN {_IS_NEWS} THEN k.seq ELSE {_OWN} END)"
_RECEIPT = "(CASE WHEN k.receipt > members.read_seq THEN k.receipt ELSE members.read_seq END)"
_SQL = (
    f"UPDATE members SET own_read_seq = CASE WHEN {_MOVED} < {_RECEIPT} THEN {_MOVED} END,"
    f" read_seq = {_RECEIPT} FROM {{keys}}"
    " WHERE members.room_id = k.room AND members.user_id = k.person"
    f" AND (members.read_seq < k.receipt OR {_IS_NEWS})"
)
_FORWARD = BulkStatement(
    _SQL, room="bigint", person="bigint", seq="bigint", moves="bigint", receipt="bigint"
)


# Of little value: no message waits for one whose row is locked elsewhere.
_FORWARD_FREE = BulkStatement(
    f"{_SQL} AND (members.room_id, members.user_id) IN (SELECT m.room_id, m.user_id FROM {{keys}}"
    " JOIN members AS m ON m.room_id = k.room AND m.user_id = k.person"
    " FOR NO KEY UPDATE OF m SKIP LOCKED)",
    room="bigint",
    person="bigint",
    seq="bigint",
    moves="bigint",
    receipt="bigint",
)

_PLACE = sa.text(
    "UPDATE members SET own_read_seq = CASE WHEN :seq < read_seq THEN :seq END,"
    " read_seq = CASE WHEN :seq > read_seq THEN :seq ELSE read_seq END,"
    " own_read_moves = own_read_moves + 1"
    " WHERE room_id = :room AND user_id = :user AND role IS NOT NULL"
).bindparams(sa.bindparam("seq", type_=sa.BigInteger()))


def save(connection: DbConnection, marks: Iterable[Mark]) -> None:
    """Move read markers forward. A marker never moves back."""
    (_FORWARD if connection.is_only_writer else _FORWARD_FREE).run(connection, map(tuple, marks))


def place(connection: DbConnection, room: RoomId, user: UserId, seq: int) -> None:
    """
    Move a member's own marker to ``seq``, back or forward; the receipt moves forward only.

    Changes nothing for a user who is not a member.
    """
    connection.execute(_PLACE, {"room": room, "user": user, "seq": seq})
