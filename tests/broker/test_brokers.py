"""The contract of brokers, for every implementation."""

from collections.abc import AsyncIterator, Callable

import pytest

from app.broker.base import Broker, LogAdvanced, Notification
from app.broker.memory import MemoryBroker, MemoryBus
from app.domain.ids import RoomId, SessionId, UserId
from app.domain.sessions import SessionsRevoked
from tests.harness.patience import turns, until

RANG = LogAdvanced(RoomId(1), 7)
ENDED = SessionsRevoked(UserId(2), SessionId(3))


class Node:
    """A broker, and what it heard."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.heard: list[Notification] = []


def memory() -> Callable[[], Broker]:
    bus = MemoryBus()
    return lambda: MemoryBroker(bus)


@pytest.fixture(params=[pytest.param(memory, id="memory")])
async def nodes(request: pytest.FixtureRequest) -> AsyncIterator[list[Node]]:
    """Three nodes that are connected."""
    make = request.param()
    nodes = [Node(make()) for _ in range(3)]
    for node in nodes:
        await node.broker.open(node.heard.append)
    yield nodes
    for node in nodes:
        await node.broker.close()


async def test_the_others_hear_a_bell_and_the_ringer_does_not(nodes: list[Node]) -> None:
    one, two, three = nodes

    one.broker.notify(RANG)
    one.broker.notify(ENDED)
    one.broker.notify(SessionsRevoked(UserId(2), None))

    for node in (two, three):
        await until(lambda node=node: len(node.heard) == 3, "the bells")
        assert node.heard == [RANG, ENDED, SessionsRevoked(UserId(2), None)]
    await turns()
    assert one.heard == []


async def test_who_has_closed_hears_nothing_and_rings_without_harm(nodes: list[Node]) -> None:
    one, two, three = nodes
    await two.broker.close()
    await two.broker.close()

    one.broker.notify(RANG)
    two.broker.notify(ENDED)

    await until(lambda: RANG in three.heard, "the bell")
    assert two.heard == []


async def test_ringing_before_it_is_open_does_no_harm() -> None:
    MemoryBroker().notify(RANG)
