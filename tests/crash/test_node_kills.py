"""Nodes that are killed while clients talk over both: every promise is kept on the other."""

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.torture.plan import Plan
from app.torture.run import torture
from tests.crash.one_room import Talk
from tests.crash.postgres_env import violations
from tests.crash.two_nodes import TwoNodes, two_nodes
from tests.harness.postgres_server import PostgresServer, postgres_server
from tests.harness.redis_server import RedisServer, redis_server

log = logging.getLogger(__name__)

pytestmark = [pytest.mark.crash, pytest.mark.timeout(3_600)]


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["postgresql", "redis"])
async def nodes(
    request: pytest.FixtureRequest, tmp_path: Path, postgres: PostgresServer
) -> AsyncIterator[TwoNodes]:
    with redis_server() as redis:
        broker: RedisServer | None = None
        if request.param == "redis":
            broker = redis
            await redis.start()
        async with two_nodes(postgres, tmp_path, broker, seed=7) as nodes:
            yield nodes


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.hard)])
async def test_torture_over_both_finds_nothing(nodes: TwoNodes, kills: int) -> None:
    plan = Plan(seed=kills, clients=12, users=6, rooms=3, kills=kills, kill_every=3.0)

    verdict = await torture(nodes.urls, plan, killer=nodes)

    for line in verdict.lines():
        log.info(line)
    assert verdict.good, "\n".join(verdict.lines())
    assert verdict.history.counts["kills"] == kills


@pytest.mark.parametrize("messages", [5_000, pytest.param(100_000, marks=pytest.mark.hard)])
async def test_one_room_while_a_node_is_killed(
    nodes: TwoNodes, postgres: PostgresServer, messages: int
) -> None:
    """
    Four writers and four readers of one room, half of them on each node.

    A writer whose node is gone goes on with the other one; a reader waits for its own.
    """
    talk = await Talk.prepare(nodes.both, messages)

    async with talk.going_on():
        await talk.has_acknowledged(messages // 3)
        killed = nodes.both[1]
        killed.kill()
        await talk.has_acknowledged(messages // 2)
        await killed.start()

    assert violations(postgres, talk.history, talk.room) == []
    assert len(talk.history.acked) == messages
    for line in talk.figures():
        log.info(line)
