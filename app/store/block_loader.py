"""Loads the blocks that keep a caller from reaching a user: in a room, or by a mention."""

from collections.abc import Callable, Sequence
from typing import Any

from ..domain.appends import Admit, Edit, OpenDirect, Send
from ..domain.mentions import possible_names
from ..domain.working_set import WorkingSet
from .bulk import BulkStatement
from .database import DbConnection

_BY_ID = BulkStatement(
    "SELECT b.user_id, b.blocked_id FROM {keys} JOIN blocks AS b"
    " ON b.user_id = k.owner AND b.blocked_id = k.blocked",
    owner="bigint",
    blocked="bigint",
)
_BY_NAME = BulkStatement(
    "SELECT b.user_id, b.blocked_id FROM {keys} JOIN users AS u ON u.username = k.name"
    " JOIN blocks AS b ON b.user_id = u.id AND b.blocked_id = k.blocked",
    name="text",
    blocked="bigint",
)


def ask_for_blocks(
    connection: DbConnection,
    reaching: Sequence[OpenDirect | Admit],
    writing: Sequence[Send | Edit],
) -> Callable[[WorkingSet], None]:
    """
    Ask which users have blocked the caller who wants to reach or mention them.

    The result puts the answer into the working set.
    """
    asked: list[Sequence[Any]] = []
    by_id = {(a.user, a.by) for a in reaching if a.user != a.by}
    if by_id:
        asked.append(_BY_ID.rows(connection, by_id))
    by_name = {(name, a.by) for a in writing for m in a.mentions for name in possible_names(m)}
    if by_name:
        asked.append(_BY_NAME.rows(connection, by_name))

    def fill(ws: WorkingSet) -> None:
        ws.blocks = {(owner, blocked) for rows in asked for owner, blocked in rows}

    return fill
