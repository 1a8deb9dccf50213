"""One room's events in order, whatever is lost, late or repeated on the way."""

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
from app.realtime.connection import SubscriptionState
from app.realtime.fanout import Fanout
from app.realtime.feed import Feed
from app.realtime.hub import Hub
from app.realtime.replay_buffer import ReplayBuffers
from app.realtime.room_feed import RoomFeed
from app.services.log.batch_transaction import commit
from app.services.log.seams import LogTrimmed
from app.store import events as event_store
from app.store import users
from app.store.database import DbConnection
from app.wire.websocket_frame import payloads_of
from tests.harness.databases import GatedDatabase
from tests.harness.patience import patience, turns, until
from tests.realtime.recording import ANA, AT, BO, DEN, RecordingConnection


@dataclass
class Env:
    """A room with a log, its feed seeded with the first event, and a live subscriber."""

    database: GatedDatabase
    feed: Feed
    room_feed: RoomFeed
    bo: RecordingConnection
    head: int

    async def send(self, *texts: str) -> list[EventBatch]:
        """Commit messages by ana; a batch for each, which the feed has not been given."""
        return [await self.commit(Send, text=text) for text in texts]

    async def commit(self, kind: type[Append], **fields: Any) -> EventBatch:
        """Commit an append by ana, as another node would."""
        append = kind(room=DEN, by=ANA, at=AT, **fields)
        await self.database._database.write(lambda c: commit(c, [append]))
        self.head += 1
        return await self.logged(self.head, self.head)

    async def logged(self, first: int, last: int) -> EventBatch:
        """The log from ``first`` to ``last`` as one batch."""
        batch = await self.database._database.read(
            lambda c: event_store.batch_after(c, DEN, first - 1, upto=last, limit=100)
        )
        assert batch is not None
        return batch

    async def trim(self, first: int) -> None:
        """Remove the events before ``first`` without notifying the feed."""

        def remove(connection: DbConnection) -> None:
            connection.execute(
                sa.text("DELETE FROM events WHERE room_id = 1 AND id & 4294967295 < :first"),
                {"first": first},
            )
            connection.execute(sa.text("UPDATE rooms SET first = :first"), {"first": first})

        await self.database._database.write(remove)

    async def received(self) -> list[int]:
        """The seqs that the subscriber has received."""
        await turns(2)
        return [json.loads(payload)["seq"] for payload in self.bo.transport.payloads]

    def buffered(self, after: int) -> list[int]:
        """The seqs that the replay buffer has after ``after``."""
        assert self.room_feed.buffer is not None
        found = self.room_feed.buffer.after(after, self.head, 1 << 20)
        return [] if found is None else [json.loads(p)["seq"] for p in payloads_of(found[0])]


@pytest.fixture
async def env(gated: GatedDatabase) -> Any:
    def add_users(connection: DbConnection) -> None:
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

    await gated.write(add_users)
    hub = Hub(Fanout())
    feed = Feed(gated, hub, ActivityNotifier(hub), ReplayBuffers())  # type: ignore[arg-type]
    bo = RecordingConnection(BO)
    hub.register(bo.connection)
    hub.subscribe(bo.connection, DEN, "general").set_state(SubscriptionState.LIVE)
    room_feed = feed.acquire(DEN)
    room_feed.seed(1)
    yield Env(gated, feed, room_feed, bo, 1)
    await feed.close()


# In order


async def test_the_next_batch_is_delivered_without_a_read(env: Env) -> None:
    batches = await env.send("two", "three")
    reads = env.database.reads

    env.feed.on_committed(batches)

    assert await env.received() == [2, 3]
    assert env.database.reads == reads


async def test_an_early_batch_is_delivered_behind_the_one_before_it(env: Env) -> None:
    two, three, four = await env.send("two", "three", "four")

    with env.database.holding_reads() as gate:
        env.feed.on_committed([four])
        env.feed.on_committed([three])
        await until(lambda: gate.waiting, "the read of the gap")
        assert await env.received() == []
        env.feed.on_committed([two])
        assert await env.received() == [2, 3, 4]

    await env.database.quiet()
    assert await env.received() == [2, 3, 4]


async def test_only_the_rest_of_an_overlapping_batch_is_delivered(env: Env) -> None:
    two, three = await env.send("two", "three")
    overlapping = await env.logged(2, 3)

    env.feed.on_committed([two, overlapping, three, two])

    assert await env.received() == [2, 3]
    assert env.room_feed.delivered == 3
    assert not env.room_feed.pending


async def test_batches_before_the_snapshot_wait_for_it(env: Env) -> None:
    feed = Feed(env.database, Hub(Fanout()), ActivityNotifier(Hub(Fanout())), ReplayBuffers())  # type: ignore[arg-type]
    two, three = await env.send("two", "three")

    room_feed = feed.acquire(DEN)
    feed.on_committed([two])
    feed.on_committed([three])
    assert room_feed.delivered is None
    room_feed.seed(2)

    assert room_feed.delivered == 3
    await feed.close()


# Notifications


async def test_a_notification_of_delivered_events_is_no_read(env: Env) -> None:
    env.feed.on_committed(await env.send("two"))
    reads = env.database.reads

    for head in (0, 1, 2):
        env.feed.on_head(DEN, head)
    await env.database.quiet()

    assert env.database.reads == reads


async def test_a_gap_is_one_read(env: Env) -> None:
    await env.send("two", "three")
    reads = env.database.reads

    env.feed.on_head(DEN, 3)
    async with patience("the events"):
        await env.room_feed.reach(3)
    await env.database.quiet()

    assert await env.received() == [2, 3]
    assert env.database.reads == reads + 1


# Retention


async def test_undelivered_events_that_were_removed_are_skipped_and_clients_rejoin(
    env: Env,
) -> None:
    await env.send("two", "three", "four", "five")
    await env.trim(4)
    waiting = {seq: asyncio.create_task(env.room_feed.reach(seq)) for seq in (3, 4, 5)}

    with env.database.holding_reads(but=1) as gate:
        env.feed.on_head(DEN, 5)
        await until(lambda: gate.waiting, "the read of the rest")
        await turns()
        assert [seq for seq, task in waiting.items() if task.done()] == [3]
        assert [close.code for close in env.bo.closes] == [UNAVAILABLE.code]
        assert env.buffered(3) == []
    async with patience("the rest"):
        await asyncio.gather(*waiting.values())

    assert env.buffered(3) == [4, 5]
    assert env.buffered(2) == []
    assert env.room_feed.delivered == 5


async def test_removing_delivered_events_closes_no_connection(env: Env) -> None:
    env.feed.on_committed(await env.send("two"))
    await env.send("three")
    await env.trim(3)

    env.feed.on_head(DEN, 3)
    async with patience("the event"):
        await env.room_feed.reach(3)

    assert await env.received() == [2, 3]
    assert env.bo.closes == []


async def test_removed_events_are_dropped_from_the_buffer(env: Env) -> None:
    env.feed.on_committed(await env.send("two", "three", "four"))
    assert env.buffered(1) == [2, 3, 4]
    revision = env.room_feed.revision

    env.feed.on_log_trimmed(LogTrimmed(DEN, 4))
    env.feed.on_log_trimmed(LogTrimmed(DEN, 3))
    env.feed.on_log_trimmed(LogTrimmed(DEN + 1, 4))  # type: ignore[arg-type]

    assert env.buffered(2) == []
    assert env.buffered(3) == [4]
    assert env.room_feed.first == 4
    assert env.room_feed.revision == revision + 1


# Changes of earlier events


async def test_a_page_is_stale_after_an_edit_or_a_deletion_and_not_after_a_message(
    env: Env,
) -> None:
    revisions = [env.room_feed.revision]

    for batch in [
        *await env.send("two"),
        await env.commit(Edit, ref=2, text="2"),
        await env.commit(Delete, ref=2),
    ]:
        env.feed.on_committed([batch])
        revisions.append(env.room_feed.revision)

    assert revisions == [0, 0, 1, 2]
    assert await env.received() == [2, 3, 4]


async def test_a_changed_name_is_in_nothing_that_was_kept(env: Env) -> None:
    two, _, four = await env.send("two", "three", "four")
    env.feed.on_committed([two])

    with env.database.holding_reads() as gate:
        env.feed.on_committed([four])
        await until(lambda: gate.waiting, "the read of the gap")
        await env.database._database.write(
            lambda c: c.execute(
                sa.text("UPDATE users SET username = 'eve' WHERE username = 'ana'")
            )
        )
        env.feed.on_names_changed(None)
        env.feed.on_names_changed(None)
        assert env.buffered(1) == []
        assert env.room_feed.revision == 2
    async with patience("the rest"):
        await env.room_feed.reach(4)

    await turns(2)
    frames = [json.loads(payload) for payload in env.bo.transport.payloads]
    assert [(frame["seq"], frame["by"]) for frame in frames] == [
        (2, "ana"),
        (3, "eve"),
        (4, "eve"),
    ]
    assert env.buffered(2) == [3, 4]


# Users of a feed


async def test_the_last_release_starts_the_expiry(env: Env) -> None:
    again = env.feed.acquire(DEN)
    assert again is env.room_feed

    env.feed.release(again)
    assert env.room_feed.expiry is None
    env.feed.release(env.room_feed)
    assert env.room_feed.expiry is not None
    env.feed.acquire(DEN)

    assert env.room_feed.expiry is None
    assert env.feed.room_ids() == [DEN]
