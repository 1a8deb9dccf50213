"""The poller finds what a lost notification would hide."""

import asyncio

import sqlalchemy as sa

from app.domain.appends import Send
from app.domain.ids import Millis, RoomId
from app.realtime.activity import ActivityNotifier
from app.realtime.fanout import Fanout
from app.realtime.feed import Feed
from app.realtime.hub import Hub
from app.realtime.poller import Poller
from app.realtime.replay_buffer import ReplayBuffers
from app.services.log.batch_transaction import commit
from app.services.log.epoch import Epoch
from app.store import epoch as epoch_store
from app.store.database import Database
from app.store.polling import Revocation
from tests.harness.databases import GatedDatabase
from tests.harness.patience import patience, until

GENERAL = RoomId(1)
AT = Millis(1_795_248_000_000)


def revoke(connection: sa.Connection, *rows: tuple[int, int, int | None]) -> None:
    for id_, user, session in rows:
        connection.execute(
            sa.text(
                "INSERT INTO users (id, username, display_name, created_at) VALUES (:u, :n, :n, 0)"
            ),
            {"u": user, "n": f"user-{user}"},
        )
        connection.execute(
            sa.text(
                "INSERT INTO revocations (id, user_id, session_id, at) VALUES (:i, :u, :s, 0)"
            ),
            {"i": id_, "u": user, "s": session},
        )


def send(connection: sa.Connection, text: str) -> None:
    connection.execute(
        sa.text(
            "INSERT INTO users (username, display_name, created_at) VALUES (:n, :n, 0)"
            " ON CONFLICT DO NOTHING"
        ),
        {"n": "ana"},
    )
    user = connection.execute(sa.text("SELECT id FROM users")).scalar_one()
    connection.execute(
        sa.text(
            "INSERT INTO members (room_id, user_id, role, joined_at) VALUES (1, :u, 'member', 0)"
            " ON CONFLICT DO NOTHING"
        ),
        {"u": user},
    )
    batch = commit(connection, [Send(room=GENERAL, by=user, at=AT, text=text)])
    assert getattr(batch.outcomes[0], "seq", None), batch.outcomes


async def test_revocations_are_found_once_even_out_of_order(database: Database) -> None:
    hub = Hub(Fanout())
    feed = Feed(database, hub, ActivityNotifier(hub), ReplayBuffers())
    found: list[Revocation] = []
    poller = Poller(database, feed, Epoch("epoch"), found.append)

    await database.write(lambda c: revoke(c, (7, 1, 11)))
    await poller.poll()
    await database.write(lambda c: revoke(c, (6, 2, None)))
    await poller.poll()
    await poller.poll()

    assert [(one.user, one.session) for one in found] == [(1, 11), (2, None)]


async def test_it_polls_at_once_when_notifications_were_lost(database: Database) -> None:
    hub = Hub(Fanout())
    feed = Feed(database, hub, ActivityNotifier(hub), ReplayBuffers())
    found: list[Revocation] = []
    poller = Poller(database, feed, Epoch("epoch"), found.append, poll_seconds=3_600)
    polling = asyncio.create_task(poller.run())
    await database.write(lambda c: revoke(c, (7, 1, 11)))

    poller.poll_soon()

    await until(lambda: found, "the revocation")
    polling.cancel()


async def test_a_room_catches_up_without_a_notification(database: Database) -> None:
    hub = Hub(Fanout())
    feed = Feed(database, hub, ActivityNotifier(hub), ReplayBuffers())
    room_feed = feed.acquire(GENERAL)
    room_feed.seed(1)

    await database.write(lambda c: send(c, "on another node"))
    await Poller(database, feed, Epoch("epoch"), lambda _: None).poll()

    async with patience("the event of another node"):
        await room_feed.reach(2)
    await feed.close()


async def test_the_epoch_before_is_not_put_back_by_a_poll_that_had_read_it(
    gated: GatedDatabase,
) -> None:
    hub = Hub(Fanout())
    feed = Feed(gated, hub, ActivityNotifier(hub), ReplayBuffers())
    epoch = Epoch(await gated.read(epoch_store.read))
    poller = Poller(gated, feed, epoch, lambda _: None)

    with gated.holding_read_results() as gate:
        polling = asyncio.create_task(poller.poll())
        await until(lambda: gate.waiting, "the poll")
        epoch.name = new = await gated.write(epoch_store.renew)
    await polling

    assert epoch.name == new
