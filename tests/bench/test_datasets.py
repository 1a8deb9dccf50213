"""The databases filled directly equal those that the servers would have created."""

import importlib
import sqlite3

import pytest

from bench import fixtures
from bench.dataset import Dataset, Room
from bench.npm_peers import NpmPeers
from bench.peers import databases
from bench.servers import SocketIO

DATASET = Dataset((Room("empty", 2), Room("old", 3, messages=60)))


def test_memberships_are_in_the_order_of_the_rooms():
    memberships = [(number, room.name, user) for number, room, user in DATASET.memberships()]

    assert memberships[1:3] == [(0, "empty", 1), (1, "old", 2)]
    assert (DATASET.users, DATASET.first_user(1)) == (5, 2)


def test_parleys_rooms_have_no_gaps(tmp_path):
    fixtures.fill(tmp_path / "parley.db", DATASET)

    with sqlite3.connect(tmp_path / "parley.db") as database:
        rooms = database.execute(
            "SELECT rooms.head, count(*), min(events.id & 0xffffffff), max(events.id & 0xffffffff)"
            " FROM rooms JOIN events ON events.room_id = rooms.id WHERE rooms.id >= ?"
            " GROUP BY rooms.id ORDER BY rooms.id",
            (fixtures.FIRST_ROOM,),
        ).fetchall()
        texts = database.execute("SELECT DISTINCT length(text) FROM events WHERE text > ''")
        assert rooms == [(1, 1, 1, 1), (61, 61, 1, 61)]
        assert texts.fetchall() == [(100,)]
        state = database.execute("SELECT value FROM meta WHERE key = 'checksums'")
        assert state.fetchall() == [("complete",)]
        unsealed = database.execute("SELECT count(*) FROM events WHERE checksum IS NULL")
        assert unsealed.fetchone() == (0,)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    database.close()


def test_the_tutorials_database_matches_its_models(tmp_path, monkeypatch):
    monkeypatch.setenv("PEER_SECRET_KEY", "only for the import")
    monkeypatch.setenv("PEER_DATABASE", f"sqlite+aiosqlite:///{tmp_path / 'chat.db'}")
    models = importlib.import_module("bench.peers.tutorial_store").Base.metadata

    databases.fill_tutorial(tmp_path / "chat.db", DATASET)

    with sqlite3.connect(tmp_path / "chat.db") as database:
        for table in models.sorted_tables:
            columns = database.execute(f"PRAGMA table_info({table.name})").fetchall()
            indexes = database.execute(f"PRAGMA index_list({table.name})").fetchall()
            assert [column[1] for column in columns] == [column.name for column in table.columns]
            assert [index[1] for index in indexes] == [index.name for index in table.indexes]
        assert database.execute("SELECT count(*) FROM messages").fetchone() == (60,)
    database.close()


@pytest.mark.parametrize("replay", [0, 50])
def test_a_socketio_client_is_missing_only_the_replay(tmp_path, replay):
    server = SocketIO("socket.io", NpmPeers(wanted=False), "sqlite3")
    server.fill(tmp_path, DATASET)
    _, known = server.socket(DATASET, room=1, user=2, replay=replay)

    with sqlite3.connect(tmp_path / "chat.db") as database:
        newest = database.execute("SELECT max(id) FROM messages WHERE room = 'old'").fetchone()
        assert known == f'{{"serverOffset":{newest[0] - replay}}}'
    database.close()
