"""What one hears of rooms that one has not joined on this connection."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.domain.events import EventType
from app.domain.ids import RoomId
from app.realtime import activity as bystanders_module
from app.realtime.activity import Bystanders
from app.realtime.hub import Hub
from tests.harness.patience import turns, until
from tests.realtime.people import ANA, BO, DEN, EVE, Caller, event, joined, left, run

ATTIC = RoomId(2)


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
async def bystanders(hub: Hub) -> AsyncIterator[Bystanders]:
    bystanders = Bystanders(hub)
    yield bystanders
    bystanders.close()


def member(hub: Hub, bystanders: Bystanders, user: Any, **how: Any) -> Caller:
    caller = Caller(user, **how)
    hub.register(caller.connection)
    bystanders.watch(caller.connection, [DEN])
    return caller


def heard(caller: Caller) -> list[Any]:
    return [json.loads(payload) for payload in caller.ear.payloads]


async def test_members_hear_that_something_happened(hub: Hub, bystanders: Bystanders) -> None:
    bo = member(hub, bystanders, BO)
    eve = Caller(EVE)
    hub.register(eve.connection)

    bystanders.notice(run(event(7), event(8)))

    assert heard(bo) == [{"type": "activity", "room": "den", "head": 8}]
    assert heard(eve) == []


async def test_who_listens_there_is_not_told(hub: Hub, bystanders: Bystanders) -> None:
    bo = member(hub, bystanders, BO)
    hub.subscribe(bo.connection, DEN, "den")

    bystanders.notice(run(event(7)))

    assert heard(bo) == []


async def test_activity_is_told_now_and_then(
    hub: Hub, bystanders: Bystanders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bystanders_module, "ACTIVITY_SECONDS", 0.01)
    bo = member(hub, bystanders, BO)

    for seq in range(1, 6):
        bystanders.notice(run(event(seq)))
    assert [frame["head"] for frame in heard(bo)] == [1]
    await until(lambda: len(heard(bo)) > 1, "the rest")

    assert [frame["head"] for frame in heard(bo)] == [1, 5]
    await until(lambda: not bystanders._quiet, "quiet")
    bystanders.notice(run(event(6)))
    assert heard(bo)[-1]["head"] == 6


async def test_who_is_mentioned_is_told_so(hub: Hub, bystanders: Bystanders) -> None:
    bo, eve = member(hub, bystanders, BO), member(hub, bystanders, EVE)

    bystanders.notice(run(event(1, data={"mentions": [BO]})))

    assert heard(bo)[0]["mention"] is True
    assert "mention" not in heard(eve)[0]


async def test_being_added_is_told_on_every_connection(hub: Hub, bystanders: Bystanders) -> None:
    phone, laptop, eve = Caller(BO), Caller(BO), Caller(EVE)
    for caller in (phone, laptop, eve):
        hub.register(caller.connection)
    hub.subscribe(laptop.connection, DEN, "den")

    bystanders.notice(run(event(5, EventType.MEMBER_JOINED, data={"user": BO})))

    assert heard(phone)[0] == {"type": "added", "room": "den", "kind": "public", "by": "ana"}
    assert heard(laptop) == [], "it asked for it, and learns of it by the answer"
    assert heard(eve) == []


async def test_a_room_that_one_makes_is_told_on_ones_other_connections(
    hub: Hub, bystanders: Bystanders
) -> None:
    ana = Caller(ANA)
    hub.register(ana.connection)

    bystanders.notice(run(event(1, EventType.ROOM_CREATED, data={"title": "Den"})))
    bystanders.notice(run(event(1, EventType.ROOM_CREATED, data={"title": "Hall"}, by=None)))

    assert [frame["type"] for frame in heard(ana)] == ["added", "activity"]


async def test_being_removed_is_told_and_is_the_last(hub: Hub, bystanders: Bystanders) -> None:
    bo, listening = member(hub, bystanders, BO), member(hub, bystanders, BO)
    hub.subscribe(listening.connection, DEN, "den")

    bystanders.notice(run(left(1, BO, "banned")))
    bystanders.notice(run(event(2)))

    assert heard(bo) == [{"type": "removed", "room": "den", "reason": "banned"}]
    assert heard(listening) == [], "it hears of it in its place among the events"


async def test_a_slow_reader_hears_no_activity(hub: Hub, bystanders: Bystanders) -> None:
    bo = member(hub, bystanders, BO, limit=100)
    bo.ear.waiting = 50

    bystanders.notice(run(event(1)))

    assert heard(bo) == []


async def test_who_is_gone_is_forgotten(hub: Hub, bystanders: Bystanders) -> None:
    bo = member(hub, bystanders, BO)
    bystanders.watch(bo.connection, [ATTIC])

    bystanders.forget(bo.connection)
    bystanders.forget(bo.connection)
    bystanders.notice(run(event(1)))
    bystanders.notice(run(joined(1, EVE), room=ATTIC, name="attic"))
    await turns()

    assert heard(bo) == []
    assert not bystanders._rooms
    assert not bystanders._noise
