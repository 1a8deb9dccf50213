"""Fills the databases of the peers like Parley's: see ``bench.dataset``."""

from pathlib import Path

from bench.dataset import OLD, Dataset, connect_without_sync, filler_text, username

_TUTORIAL = """
CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, username VARCHAR NOT NULL);
CREATE UNIQUE INDEX ix_users_username ON users (username);
CREATE TABLE messages (
    id INTEGER NOT NULL PRIMARY KEY,
    room VARCHAR NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id),
    text VARCHAR NOT NULL,
    created_at DATETIME NOT NULL
);
CREATE INDEX ix_messages_room ON messages (room);
"""
TUTORIAL_ON_POSTGRES = """
CREATE TABLE users (id SERIAL PRIMARY KEY, username VARCHAR NOT NULL);
CREATE UNIQUE INDEX ix_users_username ON users (username);
CREATE TABLE messages (
    id SERIAL PRIMARY KEY,
    room VARCHAR NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id),
    text VARCHAR NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE INDEX ix_messages_room ON messages (room);
"""
_TUTORIAL_MESSAGES = """
INSERT INTO messages (room, user_id, text, created_at)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
SELECT :room, 1 + :user + i % :members, printf(:old, i) || :filler, '2026-11-01 08:00:00.000000'
FROM n
"""
_SOCKETIO = """
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room TEXT,
    client_offset TEXT UNIQUE,
    content TEXT
);
CREATE INDEX messages_of_room ON messages (room, id);
"""
_SOCKETIO_MESSAGES = """
INSERT INTO messages (room, client_offset, content)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
SELECT :room, :room || '-' || i, printf(:old, i) || :filler
FROM n
"""


def fill_tutorial(path: Path, dataset: Dataset) -> None:
    """Create what ``tutorial_store`` would have stored."""
    database = connect_without_sync(str(path))
    database.executescript(_TUTORIAL)
    database.executemany(
        "INSERT INTO users (id, username) VALUES (?, ?)",
        ((1 + user, username(user)) for user in range(dataset.users)),
    )
    for number, room in enumerate(dataset.rooms):
        if room.messages:
            facts = {
                "room": room.name,
                "user": dataset.first_user(number),
                "members": room.members,
            }
            texts = {"count": room.messages, "old": OLD, "filler": filler_text()}
            database.execute(_TUTORIAL_MESSAGES, {**facts, **texts})
    database.commit()
    database.close()


def fill_socketio(path: Path, dataset: Dataset) -> None:
    """Create what ``socketio/server.js`` would have stored."""
    database = connect_without_sync(str(path))
    database.executescript(_SOCKETIO)
    for room in dataset.rooms:
        if room.messages:
            facts = {"room": room.name, "count": room.messages}
            database.execute(_SOCKETIO_MESSAGES, {**facts, "old": OLD, "filler": filler_text()})
    database.commit()
    database.close()
