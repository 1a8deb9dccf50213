"""A database with rooms of so many messages, inserted directly."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from app.domain.ids import RoomId, event_id
from app.domain.roles import Kind
from app.store.database import Database, DbConnection, T
from tests.store.statements import opcodes

DEN, NEXT = RoomId(11), RoomId(12)
AT = 1_795_000_000_000


class MessageEnv:
    """A database, and shorthands."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def fill(self, room: RoomId, *, messages: int) -> None:
        """Create a room in which every second event is a message by ana, the user 1."""
        await self.database.write(lambda c: _fill(c, room, messages))

    async def read(self, work: Callable[[DbConnection], T]) -> T:
        return await self.database.read(work)

    async def execute(self, sql: str) -> None:
        await self.database.write(lambda c: c.execute(sa.text(sql)) and None)

    async def cost(self, work: Callable[[DbConnection], Any]) -> int:
        """How many steps SQLite takes for ``work``."""
        return await self.database.read(lambda c: opcodes(c, work))


def _fill(connection: DbConnection, room: RoomId, messages: int) -> None:
    connection.execute(
        sa.text(
            "INSERT INTO users (id, username, display_name, created_at)"
            " VALUES (1, 'ana', 'Ana', 0) ON CONFLICT DO NOTHING"
        )
    )
    connection.execute(
        sa.text(
            "INSERT INTO rooms (id, name, title, kind, head, first, created_at)"
            " VALUES (:id, :name, '', 'private', :head, 1, 0)"
        ),
        {"id": room, "name": f"room-{room}", "head": 2 * messages},
    )
    rows = [
        {
            "id": event_id(room, seq),
            "room": room,
            "type": "message.created" if seq % 2 else "member.updated",
            "at": AT + seq,
            "text": f"text {seq}" if seq % 2 else None,
        }
        for seq in range(1, 2 * messages + 1)
    ]
    if not rows:
        return
    connection.execute(
        sa.text(
            "INSERT INTO events (id, room_id, type, by, at, text)"
            " VALUES (:id, :room, :type, 1, :at, :text)"
        ),
        rows,
    )
    documents = [
        (
            event_id(room, seq),
            connection.search_index.document(Kind.PRIVATE, room, None, f"text {seq}"),
        )
        for seq in range(1, 2 * messages + 1, 2)
    ]
    connection.search_index.add(connection, documents)
