"""
Fills Parley's database without its API.

Registering thousands of users at 20 ms of argon2 each, and sending millions of messages, would
take longer than all measurements. So the migrations create the schema and SQL fills it with what
Parley would have stored, except for the events of users joining.
"""

import sqlite3
import time
from pathlib import Path

import sqlalchemy as sa

from app.store import migrations
from app.store.event_checksum import register, sealing
from app.store.sqlite_connection import SqliteConnection
from bench.dataset import OLD, Dataset, Room, connect_without_sync, filler_text, username

_YEAR_MS = 365 * 24 * 3600 * 1000

# The first room and user ids, above those that the migrations create.
FIRST_ROOM = 1_000
FIRST_USER = 1_000

_EVENTS = """
INSERT INTO events (id, room_id, type, "by", at, text)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
SELECT :room << 32 | (i + 1), :room, 'message.created', :user + i % :members, :now - :count + i,
    printf(:old, i) || :filler
FROM n
"""


def fill(path: Path, dataset: Dataset) -> None:
    """Create the database of an installation with the rooms and messages of ``dataset``."""
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        migrations.upgrade(SqliteConnection(connection))
    engine.dispose()
    now = int(time.time() * 1000)
    database = connect_without_sync(str(path))
    users = range(FIRST_USER, FIRST_USER + dataset.users)
    database.executemany(
        "INSERT INTO users (id, username, display_name, created_at) VALUES (?, ?, ?, ?)",
        ((user, username(user - FIRST_USER), username(user - FIRST_USER), now) for user in users),
    )
    # A session has the id of its user.
    database.executemany(
        "INSERT INTO sessions (id, user_id, label, created_at, last_used_at, expires_at)"
        " VALUES (?, ?, 'bench', ?, ?, ?)",
        ((user, user, now, now, now + _YEAR_MS) for user in users),
    )
    for number, room in enumerate(dataset.rooms):
        _fill_room(
            database, FIRST_ROOM + number, FIRST_USER + dataset.first_user(number), room, now
        )
    database.executemany(
        "INSERT INTO members (room_id, user_id, role, joined_at) VALUES (?, ?, 'member', ?)",
        (
            (FIRST_ROOM + number, FIRST_USER + user, now)
            for number, _, user in dataset.memberships()
        ),
    )
    # As if each had been written by this version: else a task would do so while it is measured.
    register(database)
    database.execute(f"UPDATE events SET checksum = {sealing()}")
    database.execute("INSERT INTO meta (key, value) VALUES ('checksums', 'complete')")
    database.commit()
    database.close()


def _fill_room(database: sqlite3.Connection, number: int, user: int, room: Room, now: int) -> None:
    database.execute(
        "INSERT INTO rooms (id, name, title, kind, head, first, created_at)"
        " VALUES (?, ?, '', 'public', ?, 1, ?)",
        (number, room.name, 1 + room.messages, now),
    )
    database.execute(
        'INSERT INTO events (id, room_id, type, "by", at, data)'
        ' VALUES (?, ?, \'room.created\', ?, ?, \'{"title":"","kind":"public"}\')',
        (number << 32 | 1, number, user, now),
    )
    if room.messages:
        facts = {"room": number, "user": user, "members": room.members, "now": now}
        texts = {"count": room.messages, "old": OLD, "filler": filler_text()}
        database.execute(_EVENTS, {**facts, **texts})
        # Not indexed for search: the index counts as complete up to its last document.
        last = number << 32 | (1 + room.messages)
        database.execute("INSERT INTO search_documents (event_id, words) VALUES (?, '')", (last,))
