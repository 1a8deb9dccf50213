"""Who listens, and where it ends."""

import json
from typing import Any

import pytest

from app.domain.close_codes import UNAUTHORIZED
from app.domain.events import EventBatch, EventType
from app.domain.ids import SessionId
from app.realtime.connection import Subscription
from app.realtime.fanout import Fanout
from app.realtime.hub import Hub
from app.wire.encoding import encode_batch
from tests.harness.patience import turns
from tests.realtime.people import ANA, BO, DEN, EVE, Caller, batch, event, left


@pytest.fixture
def hub() -> Hub:
    return Hub(Fanout())


def listens(hub: Hub, caller: Caller, *, live: bool = True) -> Subscription:
    hub.register(caller.connection)
    subscription = hub.subscribe(caller.connection, DEN, "den")
    subscription.live = live
    return subscription


async def deliver(hub: Hub, told: EventBatch) -> None:
    hub.deliver(told, encode_batch(told))
    await turns(2)


def heard(caller: Caller) -> list[Any]:
    """The seqs of events, and the types of all else."""
    frames = [json.loads(payload) for payload in caller.sequence.payloads]
    return [frame.get("seq", frame["type"]) for frame in frames]


async def test_a_run_is_the_same_bytes_and_one_write_for_everybody(hub: Hub) -> None:
    ana, bo = Caller(ANA), Caller(BO)
    listens(hub, ana)
    listens(hub, bo)

    await deliver(hub, batch(event(1), event(2), event(3)))

    assert heard(ana) == heard(bo) == [1, 2, 3]
    [written] = ana.sequence.writes
    assert bo.sequence.writes[0] is written


async def test_who_waits_for_an_answer_hears_first_and_the_answer_with_it(hub: Hub) -> None:
    ana, bo, eve = Caller(ANA), Caller(BO), Caller(EVE)
    for caller in (ana, bo, eve):
        listens(hub, caller)
    bo.connection.outbox.defer_reply(DEN, b'{"type":"ack","seq":"answer"}')

    await deliver(hub, batch(event(1), left(2, EVE), event(3)))

    assert heard(bo) == [1, 2, 3, "answer"]
    assert heard(ana) == [1, 2, 3]
    assert heard(eve) == [1, 2, "removed"]
    assert len(bo.sequence.writes) == len(ana.sequence.writes) == 1
    assert bo.sequence.turns[0] < ana.sequence.turns[0]


async def test_who_is_not_listening_hears_nothing(hub: Hub) -> None:
    ana, bo, eve = Caller(ANA), Caller(BO), Caller(EVE)
    subscription = listens(hub, ana)
    listens(hub, bo, live=False)
    hub.register(eve.connection)

    hub.unsubscribe(subscription)
    hub.unsubscribe(subscription)
    await deliver(hub, batch(event(1)))

    assert [heard(caller) for caller in (ana, bo, eve)] == [[], [], []]
    assert [s.connection for s in hub.listeners(DEN)] == [bo.connection]


async def test_access_ends_at_the_event_that_ends_it(hub: Hub) -> None:
    ana, bo = Caller(ANA), Caller(BO)
    listens(hub, ana)
    listens(hub, bo)

    await deliver(hub, batch(event(1), left(2, BO), event(3)))

    assert heard(ana) == [1, 2, 3]
    assert heard(bo) == [1, 2, "removed"]
    assert DEN not in bo.connection.subscriptions
    await deliver(hub, batch(event(4)))
    assert heard(bo) == [1, 2, "removed"]


@pytest.mark.parametrize(
    ("ending", "reason", "concerned"),
    [
        pytest.param(left(1, BO, "left"), "left", [BO], id="left"),
        pytest.param(left(1, BO, "banned"), "banned", [BO], id="banned"),
        pytest.param(event(1, EventType.ROOM_ARCHIVED), "archived", [ANA, BO], id="archived"),
        pytest.param(
            event(1, EventType.MEMBER_UPDATED, data={"user": BO, "banned_until": 5}),
            "banned",
            [BO],
            id="banned without being a member",
        ),
        pytest.param(
            event(1, EventType.MEMBER_UPDATED, data={"user": BO, "banned_until": None}),
            None,
            [],
            id="a ban lifted",
        ),
        pytest.param(
            event(1, EventType.MEMBER_UPDATED, data={"user": BO, "role": "owner"}),
            None,
            [],
            id="a role",
        ),
    ],
)
async def test_who_is_concerned_hears_why(
    hub: Hub, ending: Any, reason: str | None, concerned: list[int]
) -> None:
    callers = [Caller(ANA), Caller(BO), Caller(BO, session=2)]
    for caller in callers:
        listens(hub, caller)

    await deliver(hub, batch(ending, event(2)))

    for caller in callers:
        if caller.connection.user in concerned:
            assert heard(caller) == [1, "removed"]
            assert json.loads(caller.sequence.payloads[1])["reason"] == reason
        else:
            assert heard(caller) == [1, 2]


async def test_a_mute_one_is_told_by_its_replay(hub: Hub) -> None:
    bo = Caller(BO)
    subscription = listens(hub, bo, live=False)

    await deliver(hub, batch(left(7, BO)))

    assert heard(bo) == []
    assert subscription.ended == ("removed", 7)
    hub.expel(subscription)
    assert heard(bo) == ["removed"]


def test_nobody_is_expelled_whose_access_has_not_ended(hub: Hub) -> None:
    bo = Caller(BO)
    hub.expel(listens(hub, bo))

    assert DEN in bo.connection.subscriptions


@pytest.mark.parametrize("elsewhere", [False, True], ids=["nowhere else", "elsewhere, too"])
async def test_losing_the_room_of_the_path_ends_the_connection(hub: Hub, elsewhere: bool) -> None:
    bo = Caller(BO, path_room="den")
    listens(hub, bo)
    if elsewhere:
        hub.subscribe(bo.connection, DEN + 1, "attic")  # type: ignore[arg-type]

    await deliver(hub, batch(left(1, BO)))

    assert [close.code for close in bo.closes] == ([] if elsewhere else [4003])


async def test_a_second_subscription_takes_the_place_of_the_first(hub: Hub) -> None:
    bo = Caller(BO)
    first = listens(hub, bo)
    ended: list[int] = []
    first.on_end = lambda: ended.append(1)

    hub.subscribe(bo.connection, DEN, "den")
    hub.unsubscribe(first)
    await deliver(hub, batch(event(1)))

    assert ended == [1]
    assert heard(bo) == []
    assert len(hub.listeners(DEN)) == 1


async def test_one_who_leaves_while_a_run_is_written_disturbs_nobody(hub: Hub) -> None:
    slow, bo = Caller(ANA, limit=10), Caller(BO)
    listens(hub, slow)
    listens(hub, bo)
    slow.sequence.waiting = 11
    slow.connection.outbox._overflow = lambda: hub.unregister(slow.connection)

    await deliver(hub, batch(event(1)))

    assert heard(bo) == [1]
    assert heard(slow) == []


def test_a_log_in_that_ends_takes_its_connections(hub: Hub) -> None:
    phone, laptop, eve = Caller(BO, session=1), Caller(BO, session=2), Caller(EVE)
    for caller in (phone, laptop, eve):
        hub.register(caller.connection)

    hub.end_sessions(BO, SessionId(2))
    assert (phone.closes, laptop.closes) == ([], [UNAUTHORIZED])

    hub.end_sessions(BO, None)
    assert phone.closes == [UNAUTHORIZED]
    assert eve.closes == []


def test_who_is_connected(hub: Hub) -> None:
    phone, laptop, eve = Caller(BO), Caller(BO), Caller(EVE)
    assert hub.deserted.is_set()
    for caller in (phone, laptop, eve):
        listens(hub, caller)

    assert not hub.deserted.is_set()
    assert set(hub.of_user(BO)) == {phone.connection, laptop.connection}
    assert set(hub.connections()) == {c.connection for c in (phone, laptop, eve)}

    for caller in (phone, laptop, eve):
        assert not hub.deserted.is_set()
        hub.unregister(caller.connection)
        hub.unregister(caller.connection)

    assert not hub.of_user(BO)
    assert not hub.listeners(DEN)
    assert hub.deserted.is_set()


async def test_a_retired_connection_hears_nothing_and_still_counts(hub: Hub) -> None:
    bo = Caller(BO)
    listens(hub, bo)

    hub.retire(bo.connection)
    await deliver(hub, batch(event(1)))

    assert heard(bo) == []
    assert bo.connection.closed
    assert not hub.deserted.is_set()


def test_a_signal_reaches_the_live_but_one(hub: Hub) -> None:
    ana, bo, eve = Caller(ANA), Caller(BO), Caller(EVE)
    listens(hub, ana)
    listens(hub, bo)
    listens(hub, eve, live=False)

    hub.signal(DEN, b"\x81\x02{}", but=ana.connection)

    assert [len(c.sequence.writes) for c in (ana, bo, eve)] == [0, 1, 0]


def test_presence_is_told_to_all_and_to_nobody_of_themselves(hub: Hub) -> None:
    ana, bo, eve = Caller(ANA), Caller(BO), Caller(EVE)
    listens(hub, ana)
    listens(hub, bo)
    listens(hub, eve, live=False)

    hub.send_presence(DEN, {ANA: b"\x81\x01a", BO: b"\x81\x01b"})
    hub.send_presence(DEN, {ANA: b"\x81\x01a"})

    assert ana.sequence.payloads == [b"b"]
    assert bo.sequence.payloads == [b"a", b"a"]
    assert eve.sequence.payloads == []
