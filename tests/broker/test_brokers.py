"""The contract of brokers, for every implementation."""

from collections.abc import AsyncIterator, Callable

import pytest

from app.broker.base import Broker, LogAdvanced, Notification
from app.broker.memory import MemoryBroker, MemoryBus
from app.broker.redis import RedisBroker
from app.domain.ids import RoomId, SessionId, UserId
from app.domain.sessions import SessionsRevoked
from tests.harness.patience import turns, until
from tests.harness.redis_server import RedisServer

ADVANCED = LogAdvanced(RoomId(1), 7)
REVOKED = SessionsRevoked(UserId(2), SessionId(3))


class Node:
    """A broker, and the notifications that it received."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.received: list[Notification] = []


MakeBroker = Callable[[], Broker]


@pytest.fixture
def memory() -> MakeBroker:
    bus = MemoryBus()
    return lambda: MemoryBroker(bus)


@pytest.fixture
def postgresql(postgres_parameters: dict[str, object]) -> MakeBroker:
    from app.broker.postgres import PostgresBroker

    return lambda: PostgresBroker(postgres_parameters)


@pytest.fixture
def redis_server(redis: RedisServer) -> MakeBroker:
    return lambda: RedisBroker(redis.url, "parley:test")


@pytest.fixture(
    params=[
        pytest.param("memory", id="memory"),
        pytest.param("redis_server", id="redis"),
        pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgres_only),
    ]
)
def make(request: pytest.FixtureRequest) -> MakeBroker:
    """Make brokers of one installation."""
    found: MakeBroker = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def nodes(make: MakeBroker) -> AsyncIterator[list[Node]]:
    """Three connected nodes."""
    nodes = [Node(make()) for _ in range(3)]
    for node in nodes:
        await node.broker.open(node.received.append)
    for node in nodes:
        await until(lambda node=node: node.broker.fault is None, "the broker to connect")
    yield nodes
    for node in nodes:
        await node.broker.close()


async def test_a_notification_reaches_the_other_nodes_only(nodes: list[Node]) -> None:
    one, two, three = nodes

    one.broker.notify(ADVANCED)
    one.broker.notify(REVOKED)
    one.broker.notify(SessionsRevoked(UserId(2), None))

    for node in (two, three):
        await until(lambda node=node: len(node.received) == 3, "the notifications")
        assert set(node.received) == {ADVANCED, REVOKED, SessionsRevoked(UserId(2), None)}
    await turns()
    assert one.received == []


async def test_a_closed_broker_receives_nothing_and_may_still_notify(nodes: list[Node]) -> None:
    one, two, three = nodes
    await two.broker.close()
    await two.broker.close()

    one.broker.notify(ADVANCED)
    two.broker.notify(REVOKED)

    await until(lambda: ADVANCED in three.received, "the notification")
    assert two.received == []


async def test_what_was_notified_before_the_close_is_sent(nodes: list[Node]) -> None:
    one, two, _ = nodes

    one.broker.notify(ADVANCED)
    await turns(3)  # it is on its way
    one.broker.notify(REVOKED)
    await one.broker.close()

    await until(lambda: {ADVANCED, REVOKED} <= set(two.received), "the notifications")


async def test_notifying_before_open_raises_nothing(make: MakeBroker) -> None:
    make().notify(ADVANCED)


async def test_what_other_nodes_have_sent_is_counted(nodes: list[Node]) -> None:
    one, two, _ = nodes
    before = two.broker.counts.received

    one.broker.notify(ADVANCED)

    await until(lambda: two.received != [], "the notification")
    counts = two.broker.counts
    assert (counts.received - before, counts.ignored, counts.went_deaf) == (1, 0, 0)


async def test_a_broker_on_a_server_measures_how_long_a_probe_takes(nodes: list[Node]) -> None:
    broker = nodes[0].broker
    if isinstance(broker, MemoryBroker):
        assert broker.counts.lag_seconds is None
        return

    await until(lambda: broker.counts.lag_seconds is not None, "the probe")
