"""Delivery to subscribers, and where a user's access ends."""

import json
from typing import Any

import pytest

from app.domain.close_codes import UNAUTHORIZED
from app.domain.events import EventBatch, EventType
from app.domain.ids import SessionId
from app.realtime.connection import AccessEnd, Subscription, SubscriptionState
from app.realtime.fanout import Fanout
from app.realtime.hub import Hub
from app.realtime.slow_consumer import SlowConsumerPolicy
from app.wire.event_encoding import encode_batch
from tests.harness.patience import turns
from tests.realtime.recording import ANA, BO, DEN, EVE, RecordingConnection, batch, event, left


@pytest.fixture
def hub() -> Hub:
    return Hub(Fanout())


def subscribe(hub: Hub, client: RecordingConnection, *, live: bool = True) -> Subscription:
    hub.register(client.connection)
    subscription = hub.subscribe(client.connection, DEN, "den")
    if live:
        subscription.set_state(SubscriptionState.LIVE)
    return subscription


async def deliver(hub: Hub, events: EventBatch) -> None:
    hub.deliver(events, encode_batch(events))
    await turns(2)


def received(client: RecordingConnection) -> list[Any]:
    """The seqs of events, and the types of other frames."""
    frames = [json.loads(payload) for payload in client.transport.payloads]
    return [frame.get("seq", frame["type"]) for frame in frames]


async def test_a_batch_is_the_same_bytes_and_one_write_for_every_subscriber(hub: Hub) -> None:
    ana, bo = RecordingConnection(ANA), RecordingConnection(BO)
    subscribe(hub, ana)
    subscribe(hub, bo)

    await deliver(hub, batch(event(1), event(2), event(3)))

    assert received(ana) == received(bo) == [1, 2, 3]
    [written] = ana.transport.writes
    assert bo.transport.writes[0] is written


async def test_a_connection_that_waits_for_a_reply_is_written_to_first_with_its_reply(
    hub: Hub,
) -> None:
    ana, bo, eve = RecordingConnection(ANA), RecordingConnection(BO), RecordingConnection(EVE)
    for client in (ana, bo, eve):
        subscribe(hub, client)
    bo.connection.outbox.defer_reply(DEN, b'{"type":"ack","seq":"reply"}')

    await deliver(hub, batch(event(1), left(2, EVE), event(3)))

    assert received(bo) == [1, 2, 3, "reply"]
    assert received(ana) == [1, 2, 3]
    assert received(eve) == [1, 2, "removed"]
    assert len(bo.transport.writes) == len(ana.transport.writes) == 1
    assert bo.transport.order[0] < ana.transport.order[0]


async def test_only_live_subscriptions_receive_events(hub: Hub) -> None:
    ana, bo, eve = RecordingConnection(ANA), RecordingConnection(BO), RecordingConnection(EVE)
    subscription = subscribe(hub, ana)
    subscribe(hub, bo, live=False)
    hub.register(eve.connection)

    hub.unsubscribe(subscription)
    hub.unsubscribe(subscription)
    await deliver(hub, batch(event(1)))

    assert [received(client) for client in (ana, bo, eve)] == [[], [], []]
    assert [s.connection for s in hub.subscriptions(DEN)] == [bo.connection]


async def test_access_ends_at_the_event_that_ends_it(hub: Hub) -> None:
    ana, bo = RecordingConnection(ANA), RecordingConnection(BO)
    subscribe(hub, ana)
    subscribe(hub, bo)

    await deliver(hub, batch(event(1), left(2, BO), event(3)))

    assert received(ana) == [1, 2, 3]
    assert received(bo) == [1, 2, "removed"]
    assert DEN not in bo.connection.subscriptions
    await deliver(hub, batch(event(4)))
    assert received(bo) == [1, 2, "removed"]


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
            id="banned as a reader",
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
async def test_removed_is_sent_with_the_reason_to_the_users_it_concerns(
    hub: Hub, ending: Any, reason: str | None, concerned: list[int]
) -> None:
    clients = [
        RecordingConnection(ANA),
        RecordingConnection(BO),
        RecordingConnection(BO, session=2),
    ]
    for client in clients:
        subscribe(hub, client)

    await deliver(hub, batch(ending, event(2)))

    for client in clients:
        if client.connection.user in concerned:
            assert received(client) == [1, "removed"]
            assert json.loads(client.transport.payloads[1])["reason"] == reason
        else:
            assert received(client) == [1, 2]


async def test_a_replaying_subscription_is_left_to_its_replay(hub: Hub) -> None:
    bo = RecordingConnection(BO)
    subscription = subscribe(hub, bo, live=False)

    await deliver(hub, batch(left(7, BO)))

    assert received(bo) == []
    assert subscription.access_end == AccessEnd("removed", 7)
    hub.expel(subscription)
    assert received(bo) == ["removed"]


def test_a_subscription_with_access_is_not_expelled(hub: Hub) -> None:
    bo = RecordingConnection(BO)
    hub.expel(subscribe(hub, bo))

    assert DEN in bo.connection.subscriptions


@pytest.mark.parametrize("elsewhere", [False, True], ids=["alone", "one of two"])
async def test_losing_the_only_room_on_its_path_closes_a_connection(
    hub: Hub, elsewhere: bool
) -> None:
    bo = RecordingConnection(BO, path_room="den")
    subscribe(hub, bo)
    if elsewhere:
        hub.subscribe(bo.connection, DEN + 1, "attic")  # type: ignore[arg-type]

    await deliver(hub, batch(left(1, BO)))

    assert [close.code for close in bo.closes] == ([] if elsewhere else [4003])


async def test_a_second_subscription_replaces_the_first(hub: Hub) -> None:
    bo = RecordingConnection(BO)
    first = subscribe(hub, bo)
    ended: list[int] = []
    first.on_end = lambda: ended.append(1)

    hub.subscribe(bo.connection, DEN, "den")
    hub.unsubscribe(first)
    await deliver(hub, batch(event(1)))

    assert ended == [1]
    assert first.state is SubscriptionState.ENDED
    assert received(bo) == []
    assert len(hub.subscriptions(DEN)) == 1


async def test_a_connection_that_closes_during_a_delivery_costs_no_other_its_events(
    hub: Hub,
) -> None:
    slow = RecordingConnection(
        ANA,
        slow_consumer=SlowConsumerPolicy(10),
        on_close=lambda: hub.unregister(slow.connection),
    )
    bo = RecordingConnection(BO)
    subscribe(hub, slow)
    subscribe(hub, bo)
    slow.transport.waiting = 11
    slow.connection.outbox.defer_reply(DEN, b"reply")

    await deliver(hub, batch(event(1)))

    assert received(bo) == [1]
    assert received(slow) == []


def test_ending_a_log_in_closes_its_connections(hub: Hub) -> None:
    phone, laptop, eve = (
        RecordingConnection(BO, session=1),
        RecordingConnection(BO, session=2),
        RecordingConnection(EVE),
    )
    for client in (phone, laptop, eve):
        hub.register(client.connection)

    hub.end_sessions(BO, SessionId(2))
    assert (phone.closes, laptop.closes) == ([], [UNAUTHORIZED])

    hub.end_sessions(BO, None)
    assert phone.closes == [UNAUTHORIZED]
    assert eve.closes == []


def test_connections_are_found_by_user_until_they_are_unregistered(hub: Hub) -> None:
    phone, laptop, eve = RecordingConnection(BO), RecordingConnection(BO), RecordingConnection(EVE)
    assert hub.deserted.is_set()
    for client in (phone, laptop, eve):
        subscribe(hub, client)

    assert not hub.deserted.is_set()
    assert set(hub.of_user(BO)) == {phone.connection, laptop.connection}
    assert set(hub.connections()) == {c.connection for c in (phone, laptop, eve)}

    for client in (phone, laptop, eve):
        assert not hub.deserted.is_set()
        hub.unregister(client.connection)
        hub.unregister(client.connection)

    assert not hub.of_user(BO)
    assert not hub.subscriptions(DEN)
    assert hub.deserted.is_set()


async def test_a_retired_connection_receives_nothing_and_is_still_registered(hub: Hub) -> None:
    bo = RecordingConnection(BO)
    subscribe(hub, bo)

    hub.retire(bo.connection)
    await deliver(hub, batch(event(1)))

    assert received(bo) == []
    assert bo.connection.closed
    assert not hub.deserted.is_set()


def test_a_signal_reaches_every_live_subscription_but_one(hub: Hub) -> None:
    ana, bo, eve = RecordingConnection(ANA), RecordingConnection(BO), RecordingConnection(EVE)
    subscribe(hub, ana)
    subscribe(hub, bo)
    subscribe(hub, eve, live=False)

    hub.signal(DEN, b"\x81\x02{}", but=ana.connection)

    assert [len(c.transport.writes) for c in (ana, bo, eve)] == [0, 1, 0]


def test_users_can_be_left_out_of_a_signal(hub: Hub) -> None:
    ana, bo, eve = RecordingConnection(ANA), RecordingConnection(BO), RecordingConnection(EVE)
    for one in (ana, bo, eve):
        subscribe(hub, one)

    hub.signal(DEN, b"\x81\x02{}", but=ana.connection, without=frozenset({BO}))
    about = {ANA: b"\x81\x01a", EVE: b"\x81\x01e"}
    hub.send_presence(DEN, about, {ANA: (BO,), EVE: ()})

    assert ana.transport.payloads == [b"e"]
    assert bo.transport.payloads == [b"e"]
    assert eve.transport.payloads == [b"{}", b"a"]


def test_presence_is_sent_to_all_but_the_user_it_is_about(hub: Hub) -> None:
    ana, bo, eve = RecordingConnection(ANA), RecordingConnection(BO), RecordingConnection(EVE)
    subscribe(hub, ana)
    subscribe(hub, bo)
    subscribe(hub, eve, live=False)

    hub.send_presence(DEN, {ANA: b"\x81\x01a", BO: b"\x81\x01b"}, {})
    hub.send_presence(DEN, {ANA: b"\x81\x01a"}, {})

    assert ana.transport.payloads == [b"b"]
    assert bo.transport.payloads == [b"a", b"a"]
    assert eve.transport.payloads == []


async def test_a_delivery_counts_for_each_live_subscriber(hub: Hub) -> None:
    ana, bo, eve = RecordingConnection(ANA), RecordingConnection(BO), RecordingConnection(EVE)
    subscribe(hub, ana)
    subscribe(hub, bo)
    subscribe(hub, eve, live=False)
    ana.connection.outbox.defer_reply(DEN, b"reply")

    await deliver(hub, batch(event(1), event(2)))

    assert (hub.delivered_events, hub.deliveries) == (2, 4)
