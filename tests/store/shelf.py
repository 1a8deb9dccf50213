"""Rooms with so many messages, put straight into the database; and what reading them costs."""

from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa

from app.domain.ids import RoomId, event_id
from app.domain.roles import Kind
from app.store import search
from app.store.database import Database
from app.store.query import driver
from tests.store.statements import asked, plan

DEN, NEXT = RoomId(11), RoomId(12)
AT = 1_795_000_000_000

# How often SQLite looks up: fine enough to tell a page from a scan.
_STEPS = 100

T = TypeVar("T")


class Shelf:
    """A database, and shorthands."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def stock(self, room: RoomId, *, messages: int) -> None:
        """Make a room in which every second event is a message of ana's."""
        await self.database.write(lambda c: _stock(c, room, messages))

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        return await self.database.read(work)

    async def write(self, sql: str) -> None:
        await self.database.write(lambda c: c.execute(sa.text(sql)) and None)

    async def explain(self, work: Callable[[sa.Connection], Any], steps: list[str]) -> None:
        """Note the steps by which SQLite finds what ``work`` reads."""

        def explained(connection: sa.Connection) -> None:
            with asked(connection) as said:
                work(connection)
            for sql in said:
                steps.extend(plan(connection, sql))

        await self.database.read(explained)

    async def steps(self, work: Callable[[sa.Connection], Any]) -> int:
        """How many steps of its virtual machine SQLite needs for ``work``."""

        def counted(connection: sa.Connection) -> int:
            raw = driver(connection)
            count = 0

            def tick() -> int:
                nonlocal count
                count += _STEPS
                return 0

            raw.set_progress_handler(tick, _STEPS)
            try:
                work(connection)
            finally:
                raw.set_progress_handler(None, 0)
            return count

        return await self.database.read(counted)


def _stock(connection: sa.Connection, room: RoomId, messages: int) -> None:
    dialect = connection.dialect.name
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
    search.add(
        connection,
        [
            (
                event_id(room, seq),
                search.document(dialect, Kind.PRIVATE, room, None, f"text {seq}"),
            )
            for seq in range(1, 2 * messages + 1, 2)
        ],
    )
