"""The search index follows the log."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.appends import Append, Delete, Edit, Send
from app.domain.errors import Unavailable
from app.domain.ids import Millis, RoomId, UserId, event_id
from app.domain.limits import INDEX_BATCH, INDEX_BATCHES, INDEX_SMALL_BATCH
from app.domain.words import phrases
from app.realtime.fanout import Fanout
from app.services.log.batch_transaction import commit
from app.services.messages.search_indexer import SearchIndexer
from app.services.messages.shared_search_indexer import SharedSearchIndexer
from app.store import search
from app.store.database import Database
from tests.harness.databases import GatedDatabase
from tests.harness.patience import patience, turns, until

GENERAL, DEN = RoomId(1), RoomId(2)
ANA = UserId(1)
AT = Millis(1_795_248_000_000)


class IndexEnv:
    """Two rooms of which ana is a member, and an indexer."""

    def __init__(self, database: Database, **limits: Any) -> None:
        self.database = GatedDatabase(database)
        self.fanout = Fanout()
        self.limits = limits
        self.start()

    def start(self) -> None:
        """A new indexer, as after a crash."""
        if self.database.shared:
            self.indexer: Any = SharedSearchIndexer(self.database, **self.limits)
        else:
            self.indexer = SearchIndexer(self.database, self.fanout, **self.limits)

    async def open(self) -> None:
        """Insert ana, the second room and the memberships."""

        def work(connection: sa.Connection) -> None:
            for sql in (
                "INSERT INTO users (id, username, display_name, created_at)"
                " VALUES (1, 'ana', 'Ana', 0)",
                "INSERT INTO rooms (id, name, title, kind, head, first, created_at)"
                " VALUES (2, 'den', 'Den', 'public', 0, 1, 0)",
                "INSERT INTO members (room_id, user_id, role, joined_at)"
                " VALUES (1, 1, 'member', 0), (2, 1, 'member', 0)",
            ):
                connection.execute(sa.text(sql))

        await self.database.write(work)

    async def send(self, *texts: str, room: RoomId = GENERAL) -> None:
        await self.commit([Send(room=room, by=ANA, at=AT, text=text) for text in texts])

    async def commit(self, appends: Sequence[Append]) -> None:
        """Commit, and notify the indexer."""
        batch = await self.database.write(lambda c: commit(c, appends))
        self.indexer.on_committed(batch.event_batches)

    async def indexed(self, word: str) -> list[tuple[int, int]]:
        """Room and seq of the indexed messages with this word, newest first."""
        scope = search.Scope(rooms=[GENERAL, DEN], public=False, excluded=[], by=None)
        found = await self.database.read(
            lambda c: search.find(c, phrases(word), scope, before=None, limit=99)
        )
        return [divmod(event, 2**32) for event in found]

    async def search(self, word: str) -> list[tuple[int, int]]:
        """Like :meth:`indexed`, after catching up."""
        await self.indexer.catch_up()
        return await self.indexed(word)


@pytest.fixture
async def env(database: Database, request: pytest.FixtureRequest) -> IndexEnv:
    env = IndexEnv(database, **getattr(request, "param", {}))
    await env.open()
    return env


@pytest.mark.parametrize("env", [{"delay_seconds": 0.01}], indirect=True)
async def test_the_task_indexes_by_itself(env: IndexEnv) -> None:
    await env.indexer.catch_up()
    task = asyncio.create_task(env.indexer.run())

    await env.send("an apricot")
    async with patience("the indexer"):
        while not await env.indexed("apricot"):
            pass

    assert await env.indexed("apricot") == [(1, 2)]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_results_are_newest_first_across_rooms(env: IndexEnv) -> None:
    await env.indexer.catch_up()

    await env.send("plum 1", room=DEN)
    await env.send("plum 2", "plum 3")
    await env.send("plum 4", room=DEN)

    assert await env.search("plum") == [(2, 2), (1, 3), (1, 2), (2, 1)]


async def test_catching_up_indexes_in_bounded_batches(env: IndexEnv) -> None:
    await env.indexer.catch_up()
    await env.send(*["plum"] * 220)
    await env.send(*["plum"] * 20, room=DEN)
    writes = env.database.writes

    assert len(await env.search("plum")) == 99
    assert (await env.indexed("plum"))[:21] == [(2, seq) for seq in range(20, 0, -1)] + [(1, 221)]
    if not env.database.shared:
        assert env.database.writes - writes == math.ceil(240 / INDEX_BATCH)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("env", [{"idle_wait_seconds": 0.0}], indirect=True)
async def test_a_short_backlog_is_indexed_in_small_batches(env: IndexEnv) -> None:
    await env.indexer.catch_up()
    await env.send(*["plum"] * 3 * INDEX_SMALL_BATCH)
    writes = env.database.writes

    await env.indexer.index_backlog()

    assert env.database.writes - writes == 3
    assert len(await env.indexed("plum")) == 3 * INDEX_SMALL_BATCH


@pytest.mark.sqlite_only
async def test_a_long_backlog_is_indexed_in_large_batches(env: IndexEnv) -> None:
    await env.indexer.catch_up()
    await env.send(*["plum"] * INDEX_BATCH * INDEX_BATCHES)
    writes = env.database.writes

    await env.indexer.index_backlog()

    assert env.database.writes - writes == INDEX_BATCHES


@pytest.mark.sqlite_only
async def test_messages_sent_during_a_round_wait_for_the_next(
    env: IndexEnv,
) -> None:
    await env.indexer.catch_up()
    await env.send("plum")

    with env.database.holding_write_results():
        first = asyncio.create_task(env.indexer.index_backlog())
        await until(lambda: env.database.busy == 1, "the round")
        sending = asyncio.create_task(env.send("plum"))
        await until(lambda: env.database.busy == 2, "the send")
    await asyncio.gather(first, sending)
    assert await env.indexed("plum") == [(1, 2)]

    await env.indexer.index_backlog()
    assert await env.indexed("plum") == [(1, 3), (1, 2)]


@pytest.mark.sqlite_only
@pytest.mark.parametrize("env", [{"idle_wait_seconds": 60.0}], indirect=True)
async def test_a_small_batch_waits_until_a_fan_out_has_finished(env: IndexEnv) -> None:
    await env.indexer.catch_up()
    await env.send("plum")
    env.fanout.idle.clear()
    writes = env.database.writes

    indexed = asyncio.create_task(env.indexer.index_backlog())
    await turns()
    assert env.database.writes == writes, "indexed before the next message"
    await env.send("pear")
    await turns()
    assert env.database.writes == writes + 1, "indexed during its fan-out"
    env.fanout.idle.set()
    await indexed

    assert await env.indexed("plum") == [(1, 2)]


async def test_the_backlog_of_a_crash_is_found_at_the_next_start(env: IndexEnv) -> None:
    await env.send("plum", "pear")
    assert await env.search("pear") == [(1, 3)]
    await env.send("pear again")
    await env.send("pear", room=DEN)

    env.start()

    assert sorted(await env.search("pear")) == [(1, 3), (1, 4), (2, 1)]
    assert await env.search("plum") == [(1, 2)]


async def test_messages_that_are_announced_and_found_are_indexed_once(env: IndexEnv) -> None:
    await env.send("plum")
    env.start()
    await env.send("plum")

    assert await env.search("plum") == [(1, 3), (1, 2)]


async def test_edits_before_indexing_are_indexed(env: IndexEnv) -> None:
    await env.indexer.catch_up()
    await env.send("plum", "pear", "fig")

    await env.commit([Edit(room=GENERAL, by=ANA, at=AT, ref=2, text="apple")])
    await env.commit([Delete(room=GENERAL, by=ANA, at=AT, ref=3)])

    assert await env.search("apple") == [(1, 2)]
    assert await env.search("plum") == await env.search("pear") == []
    assert await env.search("fig") == [(1, 4)]
    # The deleted message has an empty document, for pages that start there.
    of_deleted = sa.text("SELECT count(*) FROM search_documents WHERE event_id = :event")
    key = {"event": event_id(GENERAL, 3)}
    assert await env.database.read(lambda c: c.execute(of_deleted, key).scalar_one()) == 1


@pytest.mark.sqlite_only
@pytest.mark.parametrize("env", [{"max_unindexed_ranges": 3}], indirect=True)
async def test_a_backlog_of_too_many_ranges_is_read_from_the_database(env: IndexEnv) -> None:
    await env.indexer.catch_up()

    for _ in range(4):
        await env.send("plum")
        await env.send("plum", room=DEN)

    assert len(await env.search("plum")) == 8
    await env.send("plum")
    assert (await env.search("plum"))[0] == (1, 6)


async def test_a_failed_write_is_repeated_later(env: IndexEnv) -> None:
    await env.send("plum")
    env.database.fails_with = Unavailable()

    for _ in range(2):
        with pytest.raises(Unavailable):
            await env.indexer.catch_up()
    env.database.fails_with = None
    await env.indexer.catch_up()
    await env.send("pear")
    env.database.fails_with = Unavailable()
    with pytest.raises(Unavailable):
        await env.indexer.catch_up()
    env.database.fails_with = None

    assert await env.search("plum") == [(1, 2)]
    assert await env.search("pear") == [(1, 3)]


async def test_a_cancelled_call_loses_no_messages(env: IndexEnv) -> None:
    await env.indexer.catch_up()
    await env.send("plum")

    with env.database.holding_writes():
        task = asyncio.create_task(env.indexer.catch_up())
        await until(lambda: env.database.busy, "the write")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert await env.search("plum") == [(1, 2)]
