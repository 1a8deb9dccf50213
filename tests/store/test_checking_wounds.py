"""The consistency check finds each of many wounds that are planted in a log, and says where."""

import pytest
import sqlalchemy as sa

from app.domain.appends import Ban, Delete, Edit, Mute, Pin, React
from app.domain.ids import event_id
from app.store import search_rebuild
from app.store.checking import check
from app.store.database import Database, DbConnection
from tests.store.log_env import GENERAL, LogEnv, index_messages, insert_user

pytestmark = pytest.mark.sqlite_only

FIRST, SECOND, EDIT, GONE = (event_id(GENERAL, seq) for seq in (5, 6, 7, 10))
IN_INDEX = f"(SELECT id FROM search_documents WHERE event_id = {SECOND})"
GONE_DOCUMENT = f"(SELECT id FROM search_documents WHERE event_id = {GONE})"

# What it is, the statements that plant it, and a part of what the check has to say.
WOUNDS = {
    "another author": (f"UPDATE events SET by = 2 WHERE id = {FIRST}", "event 5: is not what was"),
    "another text": (f"UPDATE events SET text = 'hullo' WHERE id = {SECOND}", "event 6: is not"),
    "another edited text": (f"UPDATE events SET edited_text = 'x' WHERE id = {FIRST}", "event 5"),
    "time backwards": (f"UPDATE events SET at = at - 9999 WHERE id = {SECOND}", "event 6: is not"),
    "client id gone": (
        f"UPDATE events SET client_id = NULL WHERE id = {FIRST}",
        "event 5: is not",
    ),
    "another type": (f"UPDATE events SET type = 'x' WHERE id = {SECOND}", "event 6: is not what"),
    "another ref": (f"UPDATE events SET ref = 6 WHERE id = {EDIT}", "event 7: is not what was"),
    "a wrong checksum": (f"UPDATE events SET checksum = 1 WHERE id = {FIRST}", "event 5: is not"),
    "edited at another time": (f"UPDATE events SET edited_at = 1 WHERE id = {FIRST}", "event 5"),
    "bytes for a text": (f"UPDATE events SET text = x'00' WHERE id = {SECOND}", "event 6"),
    "text that is not UTF-8": (
        f"UPDATE events SET text = CAST(x'66ff' AS TEXT) WHERE id = {SECOND}",
        "event 6: its text is not UTF-8",
    ),
    "malformed JSON": (f"UPDATE events SET data = '{{' WHERE id = {EDIT}", "event 7: its data is"),
    "JSON of another kind": (f"UPDATE events SET data = '[1]' WHERE id = {EDIT}", "event 7: its"),
    "an event lost": (f"DELETE FROM events WHERE id = {SECOND}", "event 5 is followed by 7"),
    "the last event lost": ("DELETE FROM events WHERE id = (SELECT max(id) FROM events)", "head"),
    "the first event lost": (f"DELETE FROM events WHERE id = {event_id(GENERAL, 1)}", "first is"),
    "a head too high": ("UPDATE rooms SET head = head + 1 WHERE id = 1", "head is"),
    "a head too low": ("UPDATE rooms SET head = head - 1 WHERE id = 1", "head is"),
    "a first too high": ("UPDATE rooms SET first = 3 WHERE id = 1", "first is 3"),
    "an event of another room": (
        f"UPDATE events SET room_id = 9 WHERE id = {SECOND}",
        "its row 9",
    ),
    "a room lost": ("DELETE FROM rooms WHERE id = 1", "room 1: has events, but does not exist"),
    "an author lost": ("DELETE FROM users WHERE id = 2", "by user 2, who does not exist"),
    "an odd kind": ("UPDATE rooms SET kind = 'odd' WHERE id = 1", "its kind is odd"),
    "another kind": ("UPDATE rooms SET kind = 'private' WHERE id = 1", "private in the table"),
    "direct without users": ("UPDATE rooms SET kind = 'direct' WHERE id = 1", "is direct without"),
    "no epoch": ("DELETE FROM meta WHERE key = 'epoch'", "no epoch"),
    "an empty epoch": ("UPDATE meta SET value = '' WHERE key = 'epoch'", "no epoch"),
    "a marker after the log": ("UPDATE members SET read_seq = 99 WHERE user_id = 1", "read up to"),
    "a marker before it": ("UPDATE members SET read_seq = -1 WHERE user_id = 1", "read up to -1"),
    "an own marker after it": (
        "UPDATE members SET own_read_seq = read_seq WHERE user_id = 1",
        "has the own marker",
    ),
    "a ban of no event": ("UPDATE members SET banned_until = 9 WHERE user_id = 1", "the ban of"),
    "a ban lost": (
        "UPDATE members SET banned_until = NULL WHERE user_id = 3",
        "the ban of user 3",
    ),
    "a mute of no event": ("UPDATE members SET muted_until = 9 WHERE user_id = 1", "is muted in"),
    "a mute lost": (
        "UPDATE members SET muted_until = NULL WHERE user_id = 2",
        "muted by an event",
    ),
    "a role of no event": ("UPDATE members SET role = 'owner' WHERE user_id = 1", "role owner"),
    "an odd role": ("UPDATE members SET role = 'king' WHERE user_id = 1", "role king"),
    "a membership lost": ("UPDATE members SET role = NULL WHERE user_id = 1", "the role none"),
    "a member since no time": (
        "UPDATE members SET joined_at = NULL WHERE user_id = 1",
        "a member since no time",
    ),
    "a reaction lost": ("DELETE FROM reactions", "the table lacks a reaction"),
    "another reaction": ("UPDATE reactions SET emoji = 'x'", "the log lacks a reaction"),
    "a mention lost": ("DELETE FROM mentions", "the table lacks a mention"),
    "a mention of no text": (
        f"INSERT INTO mentions (user_id, event_id) VALUES (1, {SECOND})",
        "the log lacks a mention",
    ),
    "a pin lost": (f"UPDATE events SET pinned_at = NULL WHERE id = {FIRST}", "is pinned in"),
    "a message that came back": (
        f"UPDATE events SET deleted_at = NULL WHERE id = {GONE}",
        "deleted",
    ),
    "a deleted text": (f"UPDATE events SET text = 'a' WHERE id = {GONE}", "deleted, but its text"),
    "words of a deleted message": (
        f"UPDATE search_documents SET words = '/r1 secret' WHERE event_id = {GONE}",
        "message 10: is deleted, but the search index has words",
    ),
    "words of a deleted message in the index": (
        f"INSERT INTO search_index (rowid, words) VALUES ({GONE_DOCUMENT}, '/r1 secret')",
        "message 10: the words in the search index are not those",
    ),
    "a document without text": (
        f"UPDATE search_documents SET words = '' WHERE event_id = {SECOND}",
        "message 6: the search index has other words",
    ),
    "a document lost": (
        f"DELETE FROM search_documents WHERE event_id = {SECOND}",
        "message 6: is not in the search index",
    ),
    "a document of another text": (
        f"UPDATE search_documents SET words = '/r1 /u2 bye' WHERE event_id = {SECOND}",
        "message 6: the search index has other words",
    ),
    "index rows lost": (
        f"DELETE FROM search_index WHERE rowid = {IN_INDEX}",
        "message 6: the words in the search index are not those",
    ),
    "index rows of no document": (
        "INSERT INTO search_index (rowid, words) VALUES (77, 'ghost')",
        "document 77",
    ),
    "a document of no message": (
        f"UPDATE search_documents SET event_id = {event_id(GENERAL, 2)} WHERE id = {IN_INDEX}",
        "event 2: is no message",
    ),
}


@pytest.fixture
async def env(database: Database) -> LogEnv:
    env = LogEnv(database)
    await env.add_users("ana", "bo", "cy")
    await env.join("ana", "bo", "cy")
    env.users["boss"] = await database.write(lambda c: insert_user(c, "boss", is_admin=True))
    first = await env.send("ana", "hello @bo", mentions=["bo"], client_id="1")
    await env.send("bo", "hi there")
    await env.append(Edit, "ana", ref=first, text="hello again @bo", mentions=["bo"])
    await env.append(React, "bo", ref=first, emoji="👍", on=True)
    await env.append(Pin, "ana", ref=first, on=True)
    gone = await env.send("bo", "a secret")
    await env.append(Delete, "bo", ref=gone)
    await env.append(Ban, "boss", user=env.users["cy"], on=True)
    until = env.now + 60_000
    await env.append(Mute, "boss", user=env.users["bo"], on=True, until=until)
    await env.send("ana", "the last")
    await index_messages(database)
    while not await database.write(lambda c: search_rebuild.advance(c, 100)):
        pass
    return env


async def test_each_wound_is_found(env: LogEnv) -> None:
    assert (await env.read(check)).findings == []
    said: dict[str, list[str]] = {}

    def plant(connection: DbConnection, name: str) -> None:
        connection.run("PRAGMA defer_foreign_keys=ON", {})
        connection.run(WOUNDS[name][0], {})
        said[name] = check(connection).findings
        raise sa.exc.SQLAlchemyError("as it was")

    for name in WOUNDS:
        with pytest.raises(sa.exc.SQLAlchemyError, match="as it was"):
            await env.database.write(lambda c, name=name: plant(c, name))

    missed = {
        name: said[name]
        for name, (_, expected) in WOUNDS.items()
        if not any(expected in line for line in said[name])
    }
    assert missed == {}
    assert (await env.read(check)).findings == [], "each was taken back"
