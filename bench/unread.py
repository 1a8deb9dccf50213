"""
``python -m bench.unread``: the cost of unread counts when a member of 200 rooms connects.

Measures, on a million events, what ``welcome.rooms`` takes: the rooms, and head, unread and
mentions of each from one snapshot, through the reader thread, as for a socket.
"""

import argparse
import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.domain.ids import UserId
from app.domain.limits import MAX_WELCOME_ROOMS
from app.services.log.read_receipt_buffer import ReadReceiptBuffer
from app.services.rooms.membership_loader import MembershipLoader
from app.store.batch_loader import BatchLoader
from app.store.database import DbConnection
from app.store.sqlite import SqliteDatabase
from app.store.sqlite_connection import SqliteConnection
from app.wire.rooms import room_body
from bench import fixtures, machine
from bench.dataset import Dataset, Room, connect_without_sync

_ROOMS = 200
_EVENTS = 1_000_000
_PER_ROOM = _EVENTS // _ROOMS
_READER = UserId(fixtures.FIRST_USER)

# One message in fifty names the reader, one in twenty has been deleted.
_MENTIONS = (
    "INSERT INTO mentions (user_id, event_id)"
    " SELECT ?, id FROM events WHERE type = 'message.created' AND id % 50 = 0"
)
_DELETED = "UPDATE events SET deleted_at = at, text = NULL WHERE id % 20 = 7"


def main() -> None:
    """Fill a database, and print a table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--times", type=int, default=300, help="repetitions, default %(default)s")
    times = parser.parse_args().times
    machine_facts = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        **machine.describe(),
    }
    print(", ".join(f"{name} {value}" for name, value in machine_facts.items()))
    with tempfile.TemporaryDirectory(prefix="parley-unread-") as folder:
        file = Path(folder, "parley.db")
        _fill(file)
        print(f"{_EVENTS:,} events, {_ROOMS} rooms, {file.stat().st_size >> 20} MiB")
        print(f"{'unread in each room':24}{'median ms':>12}{'p99 ms':>12}{'unread of all':>16}")
        for title, unread in (
            ("nothing", 0),
            ("20 messages", 20),
            ("everything (99+)", _PER_ROOM),
        ):
            _read_all_but(file, unread)
            measured, counted = asyncio.run(_measure(file, times))
            median, last = statistics.median(measured), _percentile(measured, 0.99)
            print(f"{title:24}{median:12.2f}{last:12.2f}{counted:16,}")
        print("\nQuery plan steps on events and mentions:")
        for line in asyncio.run(_plan(file)):
            print(f"  {line}")


def _fill(file: Path) -> None:
    # Rooms with one member each, which the reader joins.
    rooms = tuple(Room(f"room-{n:03}", 1, _PER_ROOM - 1) for n in range(_ROOMS))
    fixtures.fill(file, Dataset(rooms))
    database = connect_without_sync(str(file))
    database.execute(
        "INSERT OR IGNORE INTO members (room_id, user_id, role, joined_at)"
        " SELECT id, ?, 'member', created_at FROM rooms WHERE name LIKE 'room-%'",
        (_READER,),
    )
    # A user's own messages are not unread: attribute them all to another user.
    database.execute('UPDATE events SET "by" = ? WHERE "by" = ?', (_READER + 1, _READER))
    database.execute(_MENTIONS, (_READER,))
    database.execute(_DELETED)
    database.execute("DELETE FROM mentions WHERE event_id % 20 = 7")
    database.commit()
    database.close()


def _read_all_but(file: Path, unread: int) -> None:
    database = sqlite3.connect(file)
    database.execute(
        "UPDATE members SET read_seq = (SELECT head FROM rooms WHERE id = room_id) - ?"
        " WHERE user_id = ?",
        (unread, _READER),
    )
    database.commit()
    database.close()


async def _measure(file: Path, times: int) -> tuple[list[float], int]:
    """Times in milliseconds, and the total of unread messages."""
    database = SqliteDatabase(file)
    memberships = MembershipLoader(BatchLoader(database), ReadReceiptBuffer())
    took = []
    for n in range(times + 10):
        began = time.perf_counter()
        room_views = await memberships.room_views(_READER, MAX_WELCOME_ROOMS)
        bodies = [room_body(view) for view in room_views]
        if n >= 10:
            took.append((time.perf_counter() - began) * 1000)
    await database.close()
    assert len(bodies) == _ROOMS
    return took, sum(body["unread"] for body in bodies)


def _driver(connection: DbConnection) -> sqlite3.Connection:
    assert isinstance(connection, SqliteConnection)
    return connection.driver


async def _plan(file: Path) -> list[str]:
    """The steps of the query plan on events and mentions."""
    database = SqliteDatabase(file, readers=1)
    memberships = MembershipLoader(BatchLoader(database), ReadReceiptBuffer())
    statements: list[str] = []
    # A single reader, so that the trace is on the connection that the query uses.
    await database.read(lambda c: _driver(c).set_trace_callback(statements.append))
    await memberships.room_views(_READER, MAX_WELCOME_ROOMS)

    def explain(connection: DbConnection) -> Sequence[Any]:
        _driver(connection).set_trace_callback(None)
        [sql] = [statement for statement in statements if "FROM events AS e" in statement]
        return _driver(connection).execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()

    steps = [row[3] for row in await database.read(explain)]
    await database.close()
    return [step for step in steps if step.split()[1] in ("e", "n")]


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


if __name__ == "__main__":
    main()
