"""What a connection receives about rooms that it has not joined."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from typing import Any

import pytest

from app.domain.errors import Unavailable
from app.domain.events import EventType
from app.domain.ids import RoomId, UserId
from app.realtime.activity import ActivityNotifier
from app.realtime.fanout import Fanout
from app.realtime.hub import Hub
from app.realtime.slow_consumer import SlowConsumerPolicy
from tests.harness.patience import turns, until
from tests.realtime.recording import (
    ANA,
    BO,
    DEN,
    EVE,
    RecordingConnection,
    batch,
    event,
    joined,
    left,
)

ATTIC = RoomId(2)


@pytest.fixture
def hub() -> Hub:
    return Hub(Fanout())


@pytest.fixture
async def activity(hub: Hub) -> AsyncIterator[ActivityNotifier]:
    activity = ActivityNotifier(hub)
    yield activity
    await activity.close()


def member(hub: Hub, activity: ActivityNotifier, user: Any, **how: Any) -> RecordingConnection:
    client = RecordingConnection(user, **how)
    hub.register(client.connection)
    activity.watch(client.connection, [DEN])
    return client


def received(client: RecordingConnection) -> list[Any]:
    return [json.loads(payload) for payload in client.transport.payloads]


async def test_members_are_notified_of_activity(hub: Hub, activity: ActivityNotifier) -> None:
    bo = member(hub, activity, BO)
    eve = RecordingConnection(EVE)
    hub.register(eve.connection)

    activity.on_events(batch(event(7), event(8)))

    assert received(bo) == [{"type": "activity", "room": "den", "head": 8}]
    assert received(eve) == []


async def test_a_subscriber_is_not_notified(hub: Hub, activity: ActivityNotifier) -> None:
    bo = member(hub, activity, BO)
    hub.subscribe(bo.connection, DEN, "den")

    activity.on_events(batch(event(7)))

    assert received(bo) == []


async def test_activity_is_signalled_once_per_interval(hub: Hub) -> None:
    activity = ActivityNotifier(hub, interval_seconds=0.01)
    bo = member(hub, activity, BO)

    for seq in range(1, 6):
        activity.on_events(batch(event(seq)))
    assert [frame["head"] for frame in received(bo)] == [1]
    await until(lambda: len(received(bo)) > 1, "the second signal")

    assert [frame["head"] for frame in received(bo)] == [1, 5]
    activity.on_events(batch(event(6)))
    await until(lambda: received(bo)[-1]["head"] == 6, "the third signal")
    await activity.close()


async def test_a_mention_is_marked_for_the_mentioned_user(
    hub: Hub, activity: ActivityNotifier
) -> None:
    bo, eve = member(hub, activity, BO), member(hub, activity, EVE)

    activity.on_events(batch(event(1, data={"mentions": [BO]})))

    assert received(bo)[0]["mention"] is True
    assert "mention" not in received(eve)[0]


async def test_added_is_sent_to_every_connection_but_the_one_that_joined(
    hub: Hub, activity: ActivityNotifier
) -> None:
    phone, laptop, eve = RecordingConnection(BO), RecordingConnection(BO), RecordingConnection(EVE)
    for client in (phone, laptop, eve):
        hub.register(client.connection)
    hub.subscribe(laptop.connection, DEN, "den")

    activity.on_events(batch(event(5, EventType.MEMBER_JOINED, data={"user": BO})))

    assert received(phone)[0] == {"type": "added", "room": "den", "kind": "public", "by": "ana"}
    assert received(laptop) == [], "it joined the room itself, and gets a reply"
    assert received(eve) == []


async def test_added_is_sent_to_the_creator_of_a_room(
    hub: Hub, activity: ActivityNotifier
) -> None:
    ana = RecordingConnection(ANA)
    hub.register(ana.connection)

    activity.on_events(batch(event(1, EventType.ROOM_CREATED, data={"title": "Den"})))
    activity.on_events(batch(event(1, EventType.ROOM_CREATED, data={"title": "Hall"}, by=None)))

    assert [frame["type"] for frame in received(ana)] == ["added", "activity"]


async def test_removed_is_the_last_frame_about_a_room(
    hub: Hub, activity: ActivityNotifier
) -> None:
    bo, subscriber = member(hub, activity, BO), member(hub, activity, BO)
    hub.subscribe(subscriber.connection, DEN, "den")

    activity.on_events(batch(left(1, BO, "banned")))
    activity.on_events(batch(event(2)))

    assert received(bo) == [{"type": "removed", "room": "den", "reason": "banned"}]
    assert received(subscriber) == [], "a subscriber is told by the hub"


async def test_activity_is_dropped_for_a_slow_peer(hub: Hub, activity: ActivityNotifier) -> None:
    bo = member(hub, activity, BO, slow_consumer=SlowConsumerPolicy(100))
    bo.transport.waiting = 50

    activity.on_events(batch(event(1)))

    assert received(bo) == []


async def test_a_forgotten_connection_is_not_notified(
    hub: Hub, activity: ActivityNotifier
) -> None:
    bo = member(hub, activity, BO)
    activity.watch(bo.connection, [ATTIC])

    activity.forget(bo.connection)
    activity.forget(bo.connection)
    activity.on_events(batch(event(1)))
    activity.on_events(batch(joined(1, EVE), room=ATTIC, name="attic"))
    await turns()

    assert received(bo) == []


async def test_a_mention_of_the_room_is_lost_while_blocks_can_not_be_read(
    hub: Hub,
) -> None:
    async def unreadable(_: UserId) -> Collection[UserId]:
        raise Unavailable

    activity = ActivityNotifier(hub, blockers=unreadable)
    bo = member(hub, activity, BO)

    activity.on_events(batch(event(1, data={"mentions_room": "all"})))
    await until(lambda: received(bo), "the signal")

    assert received(bo) == [{"type": "activity", "room": "den", "head": 1}]
    await activity.close()


async def test_of_two_who_mention_the_room_one_may_be_blocked(hub: Hub) -> None:
    async def blockers(user: UserId) -> Collection[UserId]:
        return {BO} if user == EVE else ()

    activity = ActivityNotifier(hub, blockers=blockers)
    bo = member(hub, activity, BO)

    activity.on_events(
        batch(
            event(1, data={"mentions_room": "all"}, by=EVE),
            event(2, data={"mentions_room": "all"}, by=ANA),
        )
    )
    await until(lambda: received(bo), "the signal")

    assert received(bo)[0]["mentions_room"] == "all"
    await activity.close()


async def test_what_waits_for_blocks_is_dropped_at_a_stop(hub: Hub) -> None:
    asked = asyncio.Event()

    async def never(_: UserId) -> Collection[UserId]:
        asked.set()
        return await asyncio.Future[Collection[UserId]]()

    activity = ActivityNotifier(hub, blockers=never)
    bo = member(hub, activity, BO)
    activity.on_events(batch(event(1, data={"mentions_room": "all"})))
    await asked.wait()

    await activity.close()

    assert received(bo) == []
