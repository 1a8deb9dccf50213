"""
Two real nodes on one PostgreSQL database, with and without Redis: what one does, clients of the
other see.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from time import monotonic
from typing import NamedTuple

import pytest

from tests.harness.databases import administer, migrate, postgres_database
from tests.harness.patience import PATIENCE_SECONDS, patience
from tests.harness.process import Process
from tests.harness.redis_server import RedisServer, redis_server
from tests.harness.socket_client import SocketClient

pytestmark = [pytest.mark.postgres_only, pytest.mark.slow]


class Nodes(NamedTuple):
    """Two nodes on one database."""

    a: Process
    b: Process
    url: str
    redis: RedisServer | None
    """None: their broker is PostgreSQL."""

    async def cut_broker(self) -> None:
        """End the connections of both nodes to their broker."""
        if self.redis is not None:
            await self.redis.asks("CLIENT", "KILL", "TYPE", "pubsub")
            await self.redis.asks("CLIENT", "KILL", "TYPE", "normal")
            return
        name = self.url.rpartition("/")[2]
        administer(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{name}' AND query ~ 'pg_notify|^LISTEN'"
        )

    async def den(self, name: str) -> tuple[SocketClient, SocketClient]:
        """A private room: its owner ana on node A, and ben on node B, both caught up."""
        ana, ben = await self.a.person("ana"), await self.b.person("ben")
        http = self.a.client()
        room = {"name": name, "title": name, "kind": "private"}
        for answer in (
            await http.post("/rooms", headers=ana.bearer, json=room),
            await http.put(f"/rooms/{name}/members/ben", headers=ana.bearer),
        ):
            assert answer.is_success, answer.text
        return await self.a.joins(ana, name), await self.b.joins(ben, name)


async def hears_of(
    client: SocketClient, name: str, *, online: bool, seconds: float = PATIENCE_SECONDS
) -> None:
    """Wait until a client is told that a user has come or gone."""
    sought = {"type": "presence", "by": name, "online": online}
    async with patience(f"{sought}; received {client.heard[-5:]}", seconds):
        while not any(sought.items() <= frame.items() for frame in client.heard):
            await client.hears("presence", "message.created", "member.joined", "ack")


@pytest.fixture(scope="module", params=["postgresql", "redis"])
async def nodes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Nodes]:
    with ExitStack() as stack:
        url, redis = stack.enter_context(postgres_database(migrated=False)), None
        await migrate(url)
        if request.param == "redis":
            redis = stack.enter_context(redis_server())
            await redis.start()
        settings = {
            "database_url": url,
            "redis_url": "" if redis is None else redis.url,
            "failed_logins_per_minute": 4,
        }
        a, b = (Process(tmp_path_factory.mktemp(name), **settings) for name in "ab")
        try:
            await asyncio.gather(a.start(), b.start())
            yield Nodes(a, b, url, redis)
        finally:
            await asyncio.gather(a.stop(), b.stop())


async def test_messages_are_heard_on_both_nodes_in_one_order(nodes: Nodes) -> None:
    on_a, on_b = await nodes.den("order")

    for number in range(20):
        await asyncio.gather(
            on_a.ask("send", text=f"a{number}"), on_b.ask("send", text=f"b{number}")
        )
    last = (await on_a.ask("send", text="last"))["seq"]

    await asyncio.gather(on_a.hears_until(last), on_b.hears_until(last))
    assert on_a.texts == on_b.texts
    assert len(on_a.texts) == 41
    for node in nodes[:2]:
        ready = await node.client().get("/ready")
        assert (ready.status_code, ready.json()["broker"]) == (200, "ok")


async def test_the_other_node_hears_at_once(nodes: Nodes) -> None:
    """
    Sooner than by polling, which takes a second if the next message is sent when one is heard.

    The median of 20, so that no stall of the machine counts.
    """
    on_a, on_b = await nodes.den("speed")
    seconds = []

    for number in range(20):
        began = monotonic()
        said = await on_a.ask("send", text=f"{number}")
        await on_b.hears_until(said["seq"])
        seconds.append(monotonic() - began)

    assert sorted(seconds)[10] < 0.8


@pytest.mark.parametrize("end", ["removal", "ban", "log-out"])
async def test_what_ends_on_one_node_closes_the_socket_on_the_other(
    nodes: Nodes, end: str
) -> None:
    on_a, on_b = await nodes.den(end)
    ana, ben, http = await nodes.a.person("ana"), await nodes.a.person("ben"), nodes.a.client()

    if end == "removal":
        answer = await http.delete(f"/rooms/{end}/members/ben", headers=ana.bearer)
    elif end == "ban":
        answer = await http.put(f"/rooms/{end}/members/ben/ban", headers=ana.bearer)
    else:
        answer = await http.delete("/users/me/sessions", headers=ben.bearer)
    assert answer.is_success, answer.text
    await on_a.ask("send", text="without ben")

    code, _ = await on_b.is_closed()
    assert code == {"removal": 4003, "ban": 4003, "log-out": 4001}[end]
    assert end == "log-out" or "without ben" not in on_b.texts


async def test_nothing_is_lost_when_the_connections_to_the_broker_are_ended(nodes: Nodes) -> None:
    on_a, on_b = await nodes.den("lost")
    for number in range(60):
        if number % 10 == 5:
            await nodes.cut_broker()
        said = await on_a.ask("send", text=f"{number}")

    await on_b.hears_until(said["seq"])
    assert on_b.texts == [f"{number}" for number in range(60)]


async def test_failed_log_ins_are_counted_for_both_nodes(nodes: Nodes) -> None:
    form = {"username": "eve", "password": "a guess"}

    clients = [nodes.a.client(), nodes.b.client()] * 3
    answers = [await client.post("/token", data=form) for client in clients]

    assert [answer.status_code for answer in answers] == [401] * 4 + [429] * 2


async def test_presence_is_of_both_nodes(nodes: Nodes) -> None:
    on_a, on_b = await nodes.den("presence")
    await hears_of(on_a, "ben", online=True)

    phone = await nodes.a.connects(await nodes.a.person("ben"), "presence")
    await phone.hears("welcome")
    joined = await phone.hears("joined")
    assert (joined["present"], joined["present_count"]) == (["ana", "ben"], 2)

    await on_b.socket.hang_up()
    await phone.catches_up()
    await phone.socket.hang_up()
    # Once, though he left each node: after the grace of 15 s.
    await hears_of(on_a, "ben", online=False)
    about_ben = [f["online"] for f in on_a.heard if f["type"] == "presence" and f["by"] == "ben"]
    assert about_ben == [True, False]


@pytest.mark.crash
async def test_a_restart_is_no_leave_and_a_crash_is_one_later(nodes: Nodes) -> None:
    on_a, _ = await nodes.den("restart")
    await hears_of(on_a, "ben", online=True)

    await nodes.b.stop()
    await nodes.b.start()
    back = await nodes.b.joins(await nodes.b.person("ben"), "restart")
    said = await back.ask("send", text="back")
    await on_a.hears_until(said["seq"])
    # Longer than the users of the node that stopped stay.
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(17):
            await hears_of(on_a, "ben", online=False)

    nodes.b.kill()
    began = monotonic()
    await hears_of(on_a, "ben", online=False, seconds=70)
    # The node had said at most 15 s before that it runs.
    assert 25 < monotonic() - began < 65
    await nodes.b.start()
