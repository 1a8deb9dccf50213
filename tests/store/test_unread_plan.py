"""Unread counts are read from an index alone: the cost is the same in a room of any length."""

import pytest

from app.domain.ids import RoomId, UserId
from app.store import rooms
from app.store.database import Database, DbConnection
from tests.store.statements import asked, plan


@pytest.mark.sqlite_only
async def test_unread_counts_do_not_touch_the_events(database: Database) -> None:
    def steps(connection: DbConnection) -> list[str]:
        with asked(connection) as said:
            rooms.room_views(connection, [(RoomId(1), UserId(1), 0)])
        [sql] = said
        return plan(connection, sql)

    counting = [step for step in await database.read(steps) if "ix_events_messages" in step]

    assert counting == ["SEARCH e USING COVERING INDEX ix_events_messages (id>? AND id<?)"]
