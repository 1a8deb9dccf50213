"""
An upper bound on PostgreSQL: the minimal server of ``bare_uvloop``, with asyncpg.

One connection, on which a batch is one statement that commits by itself: one network round trip.
"""

import asyncio
import sys
from collections.abc import Sequence

import asyncpg  # type: ignore[import-untyped]
import uvloop

from bench.peers.bare_uvloop import MAX_BATCH, Member, Rooms, Row, Sent, serve

INSERT = """
INSERT INTO events
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[])
"""


class PostgresRooms(Rooms):
    """Commits all waiting messages in one transaction, then sends the events."""

    def __init__(self) -> None:
        super().__init__()
        self._inbox: asyncio.Queue[tuple[Member, Sent]] = asyncio.Queue()

    def receive(self, sender: Member, sent: Sent) -> None:
        self._inbox.put_nowait((sender, sent))

    async def write(self, url: str) -> None:
        db = await asyncpg.connect(url)
        await db.execute("CREATE TABLE events (room text, seq bigint, id text, text text)")
        await db.execute("CREATE UNIQUE INDEX once ON events (room, id)")
        while True:
            batch = [await self._inbox.get()]
            while len(batch) < MAX_BATCH and not self._inbox.empty():
                batch.append(self._inbox.get_nowait())
            rows = self.number(batch)
            await db.execute(INSERT, *_columns(rows))
            self.tell([m for m, _ in batch], rows)


def _columns(rows: Sequence[Row]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


async def main(port: int, url: str) -> None:
    rooms = PostgresRooms()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(rooms.write(url))
        tasks.create_task(serve(port, rooms))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
