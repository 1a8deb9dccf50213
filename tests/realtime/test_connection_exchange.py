"""Connections of a user on two nodes: too many together are closed, if they stay too many."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from app.broker.redis_connection_counts import RedisConnectionCounts
from app.domain.errors import Unavailable
from app.domain.ids import UserId
from app.realtime.connection_exchange import ConnectionExchange
from app.store.database import Database
from tests.harness.patience import until
from tests.harness.redis_server import RedisServer, redis_server
from tests.harness.server import Server, open_server
from tests.harness.socket_client import SocketClient
from tests.harness.sockets import Closed

MOST = 4


@pytest.fixture
async def redis() -> AsyncIterator[RedisServer]:
    with redis_server() as server:
        await server.start()
        yield server


class Node:
    """A server, and what it tells the others."""

    def __init__(self, server: Server, redis: RedisServer, excess_seconds: float) -> None:
        self.server = server
        self.counts = RedisConnectionCounts(redis.url, "parley:test", answer_seconds=0.2)
        realtime = server.runtime.realtime
        self.exchange = ConnectionExchange(
            realtime.hub,
            realtime.connections,
            self.counts,
            most=MOST,
            excess_seconds=excess_seconds,
        )


@pytest.fixture
async def nodes(
    request: pytest.FixtureRequest, database: Database, redis: RedisServer
) -> AsyncIterator[list[Node]]:
    excess_seconds = getattr(request, "param", 0)
    async with open_server(database) as one, open_server(database) as two:
        two.shares_people_with(one)
        nodes = [Node(server, redis, excess_seconds) for server in (one, two)]
        yield nodes
        for node in nodes:
            await node.counts.close()


async def connect(node: Node, who: str, count: int) -> list[SocketClient]:
    sockets = [await node.server.connects(who, fast=True) for _ in range(count)]
    for socket in sockets:
        await socket.hears("welcome")
    return sockets


async def report_twice(nodes: list[Node]) -> None:
    """By then each has heard of the other."""
    for _ in range(2):
        for node in nodes:
            await node.exchange.report()


async def codes(sockets: list[SocketClient]) -> list[int | None]:
    """With what each was closed; 0: it is open."""

    async def code(socket: SocketClient) -> int | None:
        try:
            await socket.ask("ping")
        except Closed as closed:
            return closed.code
        return 0

    return [await code(socket) for socket in sockets]


async def test_the_newest_beyond_the_limit_are_closed_on_one_of_the_nodes(
    nodes: list[Node],
) -> None:
    one, two = nodes
    ana = [await connect(one, "ana", 3), await connect(two, "ana", 3)]
    ben = [*await connect(one, "ben", 2), *await connect(two, "ben", 2)]

    await report_twice(nodes)

    assert sorted([await codes(sockets) for sockets in ana]) == [[0, 0, 0], [0, 4109, 4109]]
    assert await codes(ben) == [0] * 4


@pytest.mark.parametrize("nodes", [60], indirect=True, ids=["60 s"])
async def test_what_is_too_much_for_a_moment_is_left_alone(nodes: list[Node]) -> None:
    one, two = nodes
    sockets = [*await connect(one, "ana", 4), *await connect(two, "ana", 4)]

    await report_twice(nodes)

    assert await codes(sockets) == [0] * 8


async def test_connections_that_have_ended_are_not_counted(nodes: list[Node]) -> None:
    one, two = nodes
    for socket in await connect(one, "ana", 3):
        await one.exchange.report()
        await socket.hang_up()
    sockets = await connect(two, "ana", 4)

    await report_twice(nodes)

    assert await codes(sockets) == [0] * 4


async def test_without_redis_nothing_is_closed_and_it_goes_on_afterwards(
    nodes: list[Node], redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = nodes
    sockets = [await connect(one, "ana", 3), await connect(two, "ana", 3)]
    redis.stop()
    for node in nodes:
        with pytest.raises(Unavailable):
            await node.exchange.report()
    running = asyncio.create_task(
        ConnectionExchange(
            one.server.runtime.realtime.hub,
            one.server.runtime.realtime.connections,
            one.counts,
            most=MOST,
            report_seconds=0.001,
        ).run()
    )
    await until(lambda: "connections.failed" in caplog.text)
    assert await codes([*sockets[0], *sockets[1]]) == [0] * 6
    assert not running.done()
    running.cancel()

    # It is empty.
    await redis.start()
    await report_twice(nodes)

    assert sorted([await codes(each) for each in sockets]) == [[0, 0, 0], [0, 4109, 4109]]


class Everywhere:
    """Counts that say that a user has ten connections on other nodes."""

    def __init__(self) -> None:
        self.reports: list[dict[UserId, int]] = []

    async def report(self, node: str, counts: Mapping[UserId, int]) -> Mapping[UserId, int]:
        self.reports.append(dict(counts))
        return dict.fromkeys(counts, 10)

    async def close(self) -> None:
        """Do nothing."""


async def test_a_node_closes_no_more_than_it_has(database: Database) -> None:
    async with open_server(database) as server:
        counts = Everywhere()
        realtime = server.runtime.realtime
        exchange = ConnectionExchange(
            realtime.hub, realtime.connections, counts, most=MOST, excess_seconds=0
        )
        ana = await server.person("ana")
        sockets = [await server.connects("ana", fast=True) for _ in range(2)]
        for socket in sockets:
            await socket.hears("welcome")

        for _ in range(3):
            await exchange.report()

        assert await codes(sockets) == [4109, 4109]
        # That they are gone is said once.
        assert counts.reports == [{ana.user: 2}, {ana.user: 0}]
