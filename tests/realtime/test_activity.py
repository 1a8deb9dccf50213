"""What one hears of rooms that one has not joined on this connection."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.domain.events import EventType
from app.domain.ids import RoomId
from app.realtime.activity import ActivityNotifier
from app.realtime.fanout import Fanout
from app.realtime.hub import Hub
from tests.harness.patience import turns, until
from tests.realtime.people import ANA, BO, DEN, EVE, Caller, batch, event, joined, left

ATTIC = RoomId(2)


@pytest.fixture
def hub() -> Hub:
    return Hub(Fanout())


@pytest.fixture
async def activity(hub: Hub) -> AsyncIterator[ActivityNotifier]:
    activity = ActivityNotifier(hub)
    yield activity
    activity.close()


def member(hub: Hub, activity: ActivityNotifier, user: Any, **how: Any) -> Caller:
    caller = Caller(user, **how)
    hub.register(caller.connection)
    activity.watch(caller.connection, [DEN])
    return caller


def heard(caller: Caller) -> list[Any]:
    return [json.loads(payload) for payload in caller.sequence.payloads]


async def test_members_hear_that_something_happened(hub: Hub, activity: ActivityNotifier) -> None:
    bo = member(hub, activity, BO)
    eve = Caller(EVE)
    hub.register(eve.connection)

    activity.notice(batch(event(7), event(8)))

    assert heard(bo) == [{"type": "activity", "room": "den", "head": 8}]
    assert heard(eve) == []


async def test_who_listens_there_is_not_told(hub: Hub, activity: ActivityNotifier) -> None:
    bo = member(hub, activity, BO)
    hub.subscribe(bo.connection, DEN, "den")

    activity.notice(batch(event(7)))

    assert heard(bo) == []


async def test_activity_is_told_now_and_then(hub: Hub) -> None:
    activity = ActivityNotifier(hub, interval_seconds=0.01)
    bo = member(hub, activity, BO)

    for seq in range(1, 6):
        activity.notice(batch(event(seq)))
    assert [frame["head"] for frame in heard(bo)] == [1]
    await until(lambda: len(heard(bo)) > 1, "the rest")

    assert [frame["head"] for frame in heard(bo)] == [1, 5]
    await until(lambda: not activity._quiet, "quiet")
    activity.notice(batch(event(6)))
    assert heard(bo)[-1]["head"] == 6


async def test_who_is_mentioned_is_told_so(hub: Hub, activity: ActivityNotifier) -> None:
    bo, eve = member(hub, activity, BO), member(hub, activity, EVE)

    activity.notice(batch(event(1, data={"mentions": [BO]})))

    assert heard(bo)[0]["mention"] is True
    assert "mention" not in heard(eve)[0]


async def test_being_added_is_told_on_every_connection(
    hub: Hub, activity: ActivityNotifier
) -> None:
    phone, laptop, eve = Caller(BO), Caller(BO), Caller(EVE)
    for caller in (phone, laptop, eve):
        hub.register(caller.connection)
    hub.subscribe(laptop.connection, DEN, "den")

    activity.notice(batch(event(5, EventType.MEMBER_JOINED, data={"user": BO})))

    assert heard(phone)[0] == {"type": "added", "room": "den", "kind": "public", "by": "ana"}
    assert heard(laptop) == [], "it asked for it, and learns of it by the answer"
    assert heard(eve) == []


async def test_a_room_that_one_makes_is_told_on_ones_other_connections(
    hub: Hub, activity: ActivityNotifier
) -> None:
    ana = Caller(ANA)
    hub.register(ana.connection)

    activity.notice(batch(event(1, EventType.ROOM_CREATED, data={"title": "Den"})))
    activity.notice(batch(event(1, EventType.ROOM_CREATED, data={"title": "Hall"}, by=None)))

    assert [frame["type"] for frame in heard(ana)] == ["added", "activity"]


async def test_being_removed_is_told_and_is_the_last(hub: Hub, activity: ActivityNotifier) -> None:
    bo, listening = member(hub, activity, BO), member(hub, activity, BO)
    hub.subscribe(listening.connection, DEN, "den")

    activity.notice(batch(left(1, BO, "banned")))
    activity.notice(batch(event(2)))

    assert heard(bo) == [{"type": "removed", "room": "den", "reason": "banned"}]
    assert heard(listening) == [], "it hears of it in its place among the events"


async def test_a_slow_reader_hears_no_activity(hub: Hub, activity: ActivityNotifier) -> None:
    bo = member(hub, activity, BO, limit=100)
    bo.sequence.waiting = 50

    activity.notice(batch(event(1)))

    assert heard(bo) == []


async def test_who_is_gone_is_forgotten(hub: Hub, activity: ActivityNotifier) -> None:
    bo = member(hub, activity, BO)
    activity.watch(bo.connection, [ATTIC])

    activity.forget(bo.connection)
    activity.forget(bo.connection)
    activity.notice(batch(event(1)))
    activity.notice(batch(joined(1, EVE), room=ATTIC, name="attic"))
    await turns()

    assert heard(bo) == []
    assert not activity._rooms
    assert not activity._pending_activity
