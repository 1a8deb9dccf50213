"""A feed without sockets: what it makes of runs and bells in any order."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.appends import Append, Delete, Edit, Send
from app.domain.close_codes import UNAVAILABLE
from app.domain.events import EventBatch
from app.domain.ids import Millis
from app.realtime.activity import ActivityNotifier
from app.realtime.fanout import Fanout
from app.realtime.feed import Feed, RoomFeed
from app.realtime.hub import Hub
from app.realtime.replay_buffer import ReplayBuffers
from app.services.log.committer import commit
from app.services.log.seams import LogTrimmed
from app.store import events as event_store
from app.store import users
from app.store.database import DbConnection
from app.wire.frames import payloads_of
from tests.harness.databases import GatedDatabase
from tests.harness.patience import patience, turns, until
from tests.realtime.people import ANA, AT, BO, DEN, Caller


@dataclass
class Stage:
    """A room with a log, a feed that knows nothing of it yet, and bo, who listens."""

    database: GatedDatabase
    feed: Feed
    tails: ReplayBuffers
    warm: RoomFeed
    bo: Caller
    head: int

    async def says(self, *texts: str) -> list[EventBatch]:
        """Ana says something; a run for each text, which no feed has been given."""
        return [await self.does(Send, text=text) for text in texts]

    async def does(self, kind: type[Append], **what: Any) -> EventBatch:
        """Ana does something, as another node would commit it."""
        append = kind(room=DEN, by=ANA, at=AT, **what)
        await self.database._database.write(lambda c: commit(c, [append]))
        self.head += 1
        return await self.logged(self.head, self.head)

    async def logged(self, first: int, last: int) -> EventBatch:
        """The log from ``first`` to ``last`` as one run."""
        run = await self.database._database.read(
            lambda c: event_store.batch_after(c, DEN, first - 1, upto=last, limit=100)
        )
        assert run is not None
        return run

    async def keeps_from(self, first: int) -> None:
        """Have retention remove what is older, and tell no feed."""

        def remove(connection: DbConnection) -> None:
            connection.execute(
                sa.text("DELETE FROM events WHERE room_id = 1 AND id & 4294967295 < :first"),
                {"first": first},
            )
            connection.execute(sa.text("UPDATE rooms SET first = :first"), {"first": first})

        await self.database._database.write(remove)

    async def heard(self) -> list[int]:
        """The numbers that bo has heard."""
        await turns(2)
        return [json.loads(payload)["seq"] for payload in self.bo.sequence.payloads]

    def remembered(self, after: int) -> list[int]:
        """The numbers that the memory of the room would replay after ``after``."""
        assert self.warm.buffer is not None
        found = self.warm.buffer.after(after, self.head, 1 << 20)
        return [] if found is None else [json.loads(p)["seq"] for p in payloads_of(found[0])]


@pytest.fixture
async def stage(gated: GatedDatabase) -> Any:
    def move_in(connection: DbConnection) -> None:
        for name in ("ana", "bo"):
            users.insert(
                connection,
                username=name,
                display_name=name,
                password_hash=None,
                is_admin=False,
                at=Millis(AT),
            )
        connection.execute(
            sa.text(
                "INSERT INTO members (room_id, user_id, role, joined_at, read_seq)"
                " SELECT 1, id, 'member', :at, 0 FROM users"
            ),
            {"at": AT},
        )

    await gated.write(move_in)
    hub, tails = Hub(Fanout()), ReplayBuffers()
    feed = Feed(gated, hub, ActivityNotifier(hub), tails)  # type: ignore[arg-type]
    bo = Caller(BO)
    hub.register(bo.connection)
    hub.subscribe(bo.connection, DEN, "general").live = True
    warm = feed.acquire(DEN)
    feed.seed(warm, 1)
    yield Stage(gated, feed, tails, warm, bo, 1)
    await feed.close()


# In order


async def test_what_comes_next_goes_out_without_a_look_at_the_log(stage: Stage) -> None:
    runs = await stage.says("two", "three")
    reads = stage.database.reads

    stage.feed.on_committed(runs)

    assert await stage.heard() == [2, 3]
    assert stage.database.reads == reads


async def test_what_came_too_early_goes_out_as_soon_as_it_is_its_turn(stage: Stage) -> None:
    two, three, four = await stage.says("two", "three", "four")

    with stage.database.holding_reads() as gate:
        stage.feed.on_committed([four])
        stage.feed.on_committed([three])
        await until(lambda: gate.waiting, "the read of what is missing")
        assert await stage.heard() == []
        stage.feed.on_committed([two])
        assert await stage.heard() == [2, 3, 4]

    await stage.database.quiet()
    assert await stage.heard() == [2, 3, 4]


async def test_of_a_run_that_was_heard_in_part_only_the_rest_goes_out(stage: Stage) -> None:
    two, three = await stage.says("two", "three")
    overlapping = await stage.logged(2, 3)

    stage.feed.on_committed([two, overlapping, three, two])

    assert await stage.heard() == [2, 3]
    assert stage.warm.delivered == 3
    assert not stage.warm.pending


async def test_what_comes_before_the_snapshot_waits_for_it(stage: Stage) -> None:
    feed = Feed(stage.database, Hub(Fanout()), ActivityNotifier(Hub(Fanout())), ReplayBuffers())  # type: ignore[arg-type]
    two, three = await stage.says("two", "three")

    warm = feed.acquire(DEN)
    feed.on_committed([two])
    feed.on_committed([three])
    assert warm.delivered is None
    feed.seed(warm, 2)

    assert warm.delivered == 3
    await feed.close()


# Bells


async def test_a_bell_for_what_was_heard_costs_no_read(stage: Stage) -> None:
    stage.feed.on_committed(await stage.says("two"))
    reads = stage.database.reads

    for head in (0, 1, 2):
        stage.feed.on_head(DEN, head)
    await stage.database.quiet()

    assert stage.database.reads == reads


async def test_a_hole_is_filled_by_one_read(stage: Stage) -> None:
    await stage.says("two", "three")
    reads = stage.database.reads

    stage.feed.on_head(DEN, 3)
    async with patience("the events"):
        await stage.feed.reach(stage.warm, 3)
    await stage.database.quiet()

    assert await stage.heard() == [2, 3]
    assert stage.database.reads == reads + 1


# What is removed


async def test_what_was_removed_before_it_was_heard_is_skipped_and_its_listeners_come_back(
    stage: Stage,
) -> None:
    await stage.says("two", "three", "four", "five")
    await stage.keeps_from(4)
    waiting = {seq: asyncio.create_task(stage.feed.reach(stage.warm, seq)) for seq in (3, 4, 5)}

    with stage.database.holding_reads(but=1) as gate:
        stage.feed.on_head(DEN, 5)
        await until(lambda: gate.waiting, "the read of what is left")
        await turns()
        assert [seq for seq, task in waiting.items() if task.done()] == [3]
        assert [close.code for close in stage.bo.closes] == [UNAVAILABLE.code]
        assert stage.remembered(3) == []
    async with patience("what is left"):
        await asyncio.gather(*waiting.values())

    assert stage.remembered(3) == [4, 5]
    assert stage.remembered(2) == []
    assert stage.warm.delivered == 5


async def test_who_has_heard_all_that_was_removed_listens_on(stage: Stage) -> None:
    stage.feed.on_committed(await stage.says("two"))
    await stage.says("three")
    await stage.keeps_from(3)

    stage.feed.on_head(DEN, 3)
    async with patience("the event"):
        await stage.feed.reach(stage.warm, 3)

    assert await stage.heard() == [2, 3]
    assert stage.bo.closes == []


async def test_what_retention_takes_is_not_replayed_from_memory(stage: Stage) -> None:
    stage.feed.on_committed(await stage.says("two", "three", "four"))
    assert stage.remembered(1) == [2, 3, 4]
    rewrites = stage.warm.rewrites

    stage.feed.on_log_trimmed(LogTrimmed(DEN, 4))
    stage.feed.on_log_trimmed(LogTrimmed(DEN, 3))
    stage.feed.on_log_trimmed(LogTrimmed(DEN + 1, 4))  # type: ignore[arg-type]

    assert stage.remembered(2) == []
    assert stage.remembered(3) == [4]
    assert stage.warm.first == 4
    assert stage.warm.rewrites == rewrites + 1


# What changes what was said


async def test_a_page_is_stale_after_an_edit_or_a_deletion_and_not_after_a_message(
    stage: Stage,
) -> None:
    rewrites = [stage.warm.rewrites]

    for run in [
        *await stage.says("two"),
        await stage.does(Edit, ref=2, text="2"),
        await stage.does(Delete, ref=2),
    ]:
        stage.feed.on_committed([run])
        rewrites.append(stage.warm.rewrites)

    assert rewrites == [0, 0, 1, 2]
    assert await stage.heard() == [2, 3, 4]


async def test_a_name_that_changes_is_in_nothing_that_was_remembered(stage: Stage) -> None:
    two, _, four = await stage.says("two", "three", "four")
    stage.feed.on_committed([two])

    with stage.database.holding_reads() as gate:
        stage.feed.on_committed([four])
        await until(lambda: gate.waiting, "the read of what is missing")
        await stage.database._database.write(
            lambda c: c.execute(
                sa.text("UPDATE users SET username = 'eve' WHERE username = 'ana'")
            )
        )
        stage.feed.on_names_changed(None)
        stage.feed.on_names_changed(None)
        assert stage.remembered(1) == []
        assert stage.warm.rewrites == 2
    async with patience("the rest"):
        await stage.feed.reach(stage.warm, 4)

    await turns(2)
    said = [json.loads(payload) for payload in stage.bo.sequence.payloads]
    assert [(frame["seq"], frame["by"]) for frame in said] == [(2, "ana"), (3, "eve"), (4, "eve")]
    assert stage.remembered(2) == [3, 4]


# How long


async def test_a_room_cools_down_when_the_last_one_is_gone(stage: Stage) -> None:
    again = stage.feed.acquire(DEN)
    assert again is stage.warm

    stage.feed.release(again)
    assert stage.warm.expiry is None
    stage.feed.release(stage.warm)
    assert stage.warm.expiry is not None
    stage.feed.acquire(DEN)

    assert stage.warm.expiry is None
    assert stage.feed.room_ids() == [DEN]
