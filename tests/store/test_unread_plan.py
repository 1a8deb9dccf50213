"""Unread counts are read from an index alone: the cost is the same in a room of any length."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.ids import RoomId, UserId
from app.store import rooms
from app.store.database import Connection, Database


@pytest.mark.sqlite_only
async def test_unread_counts_do_not_touch_the_events(database: Database) -> None:
    def steps(connection: Connection) -> list[str]:
        asked: list[tuple[str, Any]] = []

        def note(_c: object, _cursor: object, sql: str, given: Any, *_: object) -> None:
            asked.append((sql, given))

        sa.event.listen(connection, "before_cursor_execute", note)
        rooms.standings(connection, [(RoomId(1), UserId(1), 0)])
        sa.event.remove(connection, "before_cursor_execute", note)
        [(sql, given)] = asked
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given)
        return [step for *_, step in plan]

    counting = [step for step in await database.read(steps) if "ix_events_messages" in step]

    assert counting == ["SEARCH e USING COVERING INDEX ix_events_messages (id>? AND id<?)"]
