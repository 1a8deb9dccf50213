"""The search index, which follows the log."""

import asyncio
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
from app.services.log.committer import commit
from app.services.messages.search_indexer import SearchIndexer
from app.store import search
from app.store.database import Database
from tests.harness.databases import GatedDatabase
from tests.harness.patience import turns, until

GENERAL, DEN = RoomId(1), RoomId(2)
ANA = UserId(1)
AT = Millis(1_795_248_000_000)


class Rooms:
    """Two rooms where Ana speaks, and what a search finds there."""

    def __init__(self, database: Database, **limits: Any) -> None:
        self.database = GatedDatabase(database)
        self.fanout = Fanout()
        self.indexer = SearchIndexer(self.database, self.fanout, **limits)

    async def open(self) -> None:
        """Let Ana in."""

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

    async def says(self, *texts: str, room: RoomId = GENERAL) -> None:
        await self.commits([Send(room=room, by=ANA, at=AT, text=text) for text in texts])

    async def commits(self, appends: Sequence[Append]) -> None:
        """Commit, and let the indexer hear of it."""
        batch = await self.database.write(lambda c: commit(c, appends))
        self.indexer.on_committed(batch.event_batches)

    async def found(self, word: str) -> list[tuple[int, int]]:
        """Room and number of what the index holds now, newest first."""
        scope = search.Scope(rooms=[GENERAL, DEN], public=False, excluded=[], by=None)
        found = await self.database.read(
            lambda c: search.find(c, phrases(word), scope, before=None, limit=99)
        )
        return [divmod(event, 2**32) for event in found]

    async def finds(self, word: str) -> list[tuple[int, int]]:
        """The same, after it has caught up."""
        await self.indexer.catch_up()
        return await self.found(word)


@pytest.fixture
async def rooms(database: Database, request: pytest.FixtureRequest) -> Rooms:
    rooms = Rooms(database, **getattr(request, "param", {}))
    await rooms.open()
    return rooms


@pytest.mark.parametrize("rooms", [{"delay_seconds": 0.01}], indirect=True)
async def test_the_index_follows_by_itself(rooms: Rooms) -> None:
    await rooms.indexer.catch_up()
    task = asyncio.create_task(rooms.indexer.run())

    before = rooms.database.writes
    await rooms.says("an apricot")
    if not rooms.database.shared:
        await until(lambda: rooms.database.writes == before + 2, "the indexer")
        await rooms.database.quiet()
    assert await rooms.found("apricot") == [(1, 2)]

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_newest_first_across_rooms(rooms: Rooms) -> None:
    await rooms.indexer.catch_up()

    await rooms.says("plum 1", room=DEN)
    await rooms.says("plum 2", "plum 3")
    await rooms.says("plum 4", room=DEN)

    assert await rooms.finds("plum") == [(2, 2), (1, 3), (1, 2), (2, 1)]


async def test_many_take_several_bites(rooms: Rooms) -> None:
    await rooms.indexer.catch_up()

    await rooms.says(*["plum"] * 220)
    await rooms.says(*["plum"] * 20, room=DEN)

    assert len(await rooms.finds("plum")) == 99
    assert (await rooms.found("plum"))[:21] == [(2, seq) for seq in range(20, 0, -1)] + [(1, 221)]


@pytest.mark.sqlite_only
async def test_a_few_are_indexed_in_small_bites_and_many_in_large_ones(rooms: Rooms) -> None:
    indexer = rooms.indexer
    await indexer.catch_up()
    assert indexer._batch_size() == INDEX_SMALL_BATCH

    spans = [(RoomId(n), 50 * INDEX_BATCHES // 10) for n in range(10)]
    for room, last in spans:
        indexer._add(event_id(room, 1), event_id(room, last))
    assert indexer._batch_size() == 50
    assert sum(high + 1 - low for low, high in indexer._take(70)) == 70
    assert indexer._batch_size() == (50 * INDEX_BATCHES - 70) // INDEX_BATCHES

    indexer._add(event_id(RoomId(99), 1), event_id(RoomId(99), 1_000_000))
    assert indexer._batch_size() == INDEX_BATCH


@pytest.mark.sqlite_only
async def test_what_is_said_while_others_are_indexed_waits_for_the_next_round(
    rooms: Rooms,
) -> None:
    await rooms.indexer.catch_up()
    await rooms.says("plum")

    with rooms.database.holding_what_is_written():
        first = asyncio.create_task(rooms.indexer.index_backlog())
        await until(lambda: rooms.database.busy == 1, "the round")
        said = asyncio.create_task(rooms.says("plum"))
        await until(lambda: rooms.database.busy == 2, "who speaks")
    await asyncio.gather(first, said)
    assert await rooms.found("plum") == [(1, 2)]

    await rooms.indexer.index_backlog()
    assert await rooms.found("plum") == [(1, 3), (1, 2)]


@pytest.mark.sqlite_only
@pytest.mark.parametrize("rooms", [{"idle_wait_seconds": 60.0}], indirect=True)
async def test_a_bite_waits_until_somebody_was_heard_by_everybody(rooms: Rooms) -> None:
    await rooms.indexer.catch_up()
    await rooms.says("plum")
    rooms.fanout.idle.clear()
    writes = rooms.database.writes

    indexed = asyncio.create_task(rooms.indexer.index_backlog())
    await turns()
    assert rooms.database.writes == writes, "nobody has spoken since"
    await rooms.says("pear")
    await turns()
    assert rooms.database.writes == writes + 1, "and then, not everybody has heard it"
    rooms.fanout.idle.set()
    await indexed

    assert await rooms.found("plum") == [(1, 2)]


async def test_what_a_crash_left_is_found_by_the_next_start(rooms: Rooms) -> None:
    await rooms.says("plum", "pear")
    assert await rooms.finds("pear") == [(1, 3)]
    await rooms.says("pear again")
    await rooms.says("pear", room=DEN)

    rooms.indexer = SearchIndexer(rooms.database, rooms.fanout)

    assert sorted(await rooms.finds("pear")) == [(1, 3), (1, 4), (2, 1)]
    assert await rooms.finds("plum") == [(1, 2)]


async def test_what_was_heard_of_twice_is_indexed_once(rooms: Rooms) -> None:
    await rooms.says("plum")
    rooms.indexer = SearchIndexer(rooms.database, rooms.fanout)
    await rooms.says("plum")

    assert await rooms.finds("plum") == [(1, 3), (1, 2)]


async def test_what_changed_before_it_was_indexed_is_indexed_as_it_is(rooms: Rooms) -> None:
    await rooms.indexer.catch_up()
    await rooms.says("plum", "pear", "fig")

    await rooms.commits([Edit(room=GENERAL, by=ANA, at=AT, ref=2, text="apple")])
    await rooms.commits([Delete(room=GENERAL, by=ANA, at=AT, ref=3)])

    assert await rooms.finds("apple") == [(1, 2)]
    assert await rooms.finds("plum") == await rooms.finds("pear") == []
    assert await rooms.finds("fig") == [(1, 4)]
    # It has its place, for a page that begins there.
    of_deleted = sa.text("SELECT count(*) FROM search_documents WHERE event_id = :event")
    key = {"event": event_id(GENERAL, 3)}
    assert await rooms.database.read(lambda c: c.execute(of_deleted, key).scalar_one()) == 1


@pytest.mark.parametrize("rooms", [{"max_unindexed_ranges": 3}], indirect=True)
async def test_more_than_is_worth_remembering_is_looked_up(rooms: Rooms) -> None:
    await rooms.indexer.catch_up()

    for _ in range(4):
        await rooms.says("plum")
        await rooms.says("plum", room=DEN)

    assert len(await rooms.finds("plum")) == 8
    await rooms.says("plum")
    assert (await rooms.finds("plum"))[0] == (1, 6)


async def test_what_the_database_refuses_is_indexed_later(rooms: Rooms) -> None:
    if rooms.database.shared:
        pytest.skip("on PostgreSQL the committer indexes")
    await rooms.says("plum")
    rooms.database.fails_with = Unavailable()

    for _ in range(2):
        with pytest.raises(Unavailable):
            await rooms.indexer.catch_up()
    rooms.database.fails_with = None
    await rooms.indexer.catch_up()
    await rooms.says("pear")
    rooms.database.fails_with = Unavailable()
    with pytest.raises(Unavailable):
        await rooms.indexer.catch_up()
    rooms.database.fails_with = None

    assert await rooms.finds("plum") == [(1, 2)]
    assert await rooms.finds("pear") == [(1, 3)]


async def test_who_stops_waiting_takes_nothing_away(rooms: Rooms) -> None:
    await rooms.indexer.catch_up()
    await rooms.says("plum")

    with rooms.database.holding_writes():
        task = asyncio.create_task(rooms.indexer.catch_up())
        if not rooms.database.shared:
            await until(lambda: rooms.database.busy, "the write")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert await rooms.finds("plum") == [(1, 2)]
