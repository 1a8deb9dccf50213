"""Deleted words leave the SQLite file: rows, search index and write-ahead log."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.config.database_url import DatabaseUrl
from app.domain.appends import Delete, Edit, Send
from app.domain.errors import Unavailable
from app.services.messages.purger import Purger
from app.store import retention
from app.store.backup import back_up
from app.store.database import Database
from app.store.opening import open_database
from tests.harness.databases import GatedDatabase
from tests.harness.patience import until
from tests.harness.server import Server, open_server

pytestmark = pytest.mark.sqlite_only

SECRETS = ("zebrasecret", "yaksecret", "cardsecret")
NEVER = {"messages": {"purge_seconds": 3_600.0}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "parley.db"


@pytest.fixture
async def stored(path: Path) -> AsyncIterator[Database]:
    where = DatabaseUrl.file(path)
    async with open_database(where.kind, where.url, where.path, migrate=True) as opened:
        yield opened


def on_disk(path: Path) -> list[str]:
    """Which of the secrets the files hold; FTS5 may cut a word's first letters off."""
    files = [path, path.with_name(f"{path.name}-wal")]
    contents = b"".join(file.read_bytes() for file in files if file.exists())
    return [word for word in SECRETS if word[3:].encode() in contents]


async def send_and_delete(server: Server, deletes: bool = True) -> None:
    """Send, index, edit and delete a message among others."""
    await server.room("den")
    for number in range(30):
        await server.append(Send, "den", by="ana", text=f"number {number} of many words")
    sent = await server.append(
        Send, "den", by="ana", text="zebrasecret is the code", data={"card": "cardsecret"}
    )
    await server.runtime.messages.indexer.catch_up()
    await server.append(Edit, "den", by="ana", ref=sent.seq, text="yaksecret is the code")
    if deletes:
        await server.append(Delete, "den", by="ana", ref=sent.seq)
    await server.append(Send, "den", by="ana", text="and on it goes")
    await server.runtime.messages.indexer.catch_up()


async def test_deleted_words_leave_the_disk(stored: Database, path: Path) -> None:
    async with open_server(stored, limits=NEVER) as server:
        await send_and_delete(server)
        assert on_disk(path) == list(SECRETS)

        assert await server.runtime.messages.purger.purge()

        assert on_disk(path) == []
        http = (await server.person("ana")).http
        for word, count in (("yaksecret", 0), ("many", 30), ("goes", 1)):
            answer = await http.get("/search", params={"q": word, "limit": 200})
            assert len(answer.json()["messages"]) == count, word


async def test_it_happens_by_itself_soon_after_a_deletion(stored: Database, path: Path) -> None:
    async with open_server(stored, limits={"messages": {"purge_seconds": 0.0}}) as server:
        await send_and_delete(server)

        await until(lambda: on_disk(path) == [], "the words to be gone")


async def test_a_server_that_stops_does_it_first(stored: Database, path: Path) -> None:
    async with open_server(stored, limits=NEVER) as server:
        await send_and_delete(server)

    assert on_disk(path) == []


async def test_the_next_start_does_what_a_killed_server_left(stored: Database, path: Path) -> None:
    gated = GatedDatabase(stored)
    async with open_server(gated, limits=NEVER) as server:
        await send_and_delete(server)
        await gated.quiet()
        # From here on every call fails, as after a kill.
        gated.fails_with = Unavailable()
    assert on_disk(path) == list(SECRETS)

    async with open_server(stored, limits={"messages": {"purge_seconds": 0.0}}):
        await until(lambda: on_disk(path) == [], "the words to be gone")


async def test_what_retention_removes_leaves_the_disk(stored: Database, path: Path) -> None:
    async with open_server(stored, limits=NEVER) as server:
        await send_and_delete(server, deletes=False)
        room = server.room_id("den")
        await stored.write(lambda c: retention.set_limits(c, room, days=None, events=1))
        server.runtime.rooms.retention.wake()
        await server.runtime.rooms.retention.sweep_if_woken()

    assert on_disk(path) == []


async def test_a_long_read_delays_it(stored: Database, path: Path) -> None:
    async with open_server(stored, limits=NEVER) as server:
        await send_and_delete(server)
        with sqlite3.connect(path) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM events").fetchone()
            assert not await server.runtime.messages.purger.purge()
        reader.close()

        assert await server.runtime.messages.purger.purge()
        assert on_disk(path) == []


async def test_a_backup_holds_nothing_that_was_deleted(
    stored: Database, path: Path, tmp_path: Path
) -> None:
    async with open_server(stored, limits=NEVER) as server:
        await send_and_delete(server)
        assert on_disk(path) == list(SECRETS)

        copy = tmp_path / "copy.db"
        back_up(path, copy)

        assert on_disk(copy) == []
        where = DatabaseUrl.file(copy)
        async with open_database(where.kind, where.url, where.path, migrate=True) as database:
            async with open_server(database) as restored:
                restored.shares_people_with(server)
                http = (await restored.person("ana")).http
                answer = await http.get("/search", params={"q": "many", "limit": 200})
                assert len(answer.json()["messages"]) == 30


async def test_other_events_start_no_purge(server: Server) -> None:
    gated = GatedDatabase(server.database)
    purger = Purger(gated)
    with server.runtime.log.seams.on_committed.connected(purger.on_committed):
        await server.room("hall")
        sent = await server.append(Send, "hall", by="ana", text="hi")
        await purger.close()
        assert gated.writes == 0

        await server.append(Delete, "hall", by="ana", ref=sent.seq)
        await purger.close()
        assert gated.writes > 0
