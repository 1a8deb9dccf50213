"""Presence on several nodes: users are present while they are on any of them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from app.broker.memory import MemoryBroker, MemoryBus
from app.domain.ids import RoomId
from app.realtime.presence_exchange import PresenceExchange
from app.realtime.presence_table import PresenceTable
from app.store import node_presence
from app.store.database import Database, DbConnection
from tests.harness.patience import until
from tests.harness.server import Server, open_server
from tests.harness.socket_client import SocketClient

QUICK = {
    "presence_grace_seconds": 0.05,
    "presence_gather_seconds": 0.005,
    "presence_refresh_seconds": 3_600.0,
    "presence_expiry_seconds": 3_600.0,
}
GENERAL = RoomId(1)


class Cluster:
    """Starts nodes on one database."""

    def __init__(self, database: Database, stack: AsyncExitStack) -> None:
        self.database = database
        self.stack = stack
        self.bus = MemoryBus()
        self.first: Server | None = None

    async def node(self, *, is_deaf: bool = False, **limits: float) -> Server:
        """Start a node. One that is deaf hears nothing, and is not heard."""
        server = await self.stack.enter_async_context(
            open_server(
                self.database,
                broker=MemoryBroker(MemoryBus() if is_deaf else self.bus),
                presence_store=PresenceTable(self.database),
                limits={"realtime": {**QUICK, **limits}},
            )
        )
        if self.first is None:
            self.first = server
        else:
            server.shares_people_with(self.first)
        return server


@pytest.fixture
async def cluster(database: Database) -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as stack:
        yield Cluster(database, stack)


def present(server: Server) -> list[str]:
    found = server.runtime.realtime.presence.present(GENERAL) or {}
    return sorted(who.username for who in found.values())


def exchange(server: Server) -> PresenceExchange:
    found = server.runtime.realtime.presence_exchange
    assert found is not None
    return found


async def sees(server: Server, *names: str) -> None:
    await until(lambda: present(server) == sorted(names), f"{names} to be present")


async def hears_of(client: SocketClient, name: str, *, online: bool) -> None:
    while True:
        frame = await client.hears("presence", "member.joined")
        if (frame["type"], frame["by"]) == ("presence", name):
            break
    assert frame["online"] is online


async def test_users_of_all_nodes_are_present(cluster: Cluster) -> None:
    one, two = await cluster.node(), await cluster.node()
    ana = await one.joins("ana", "general")
    await two.joins("bo", "general")

    await hears_of(ana, "bo", online=True)
    await sees(two, "ana", "bo")

    eve = await two.connects("eve", "general")
    await eve.hears("welcome")
    joined = await eve.hears("joined")
    assert joined["present"] == ["ana", "bo", "eve"]
    assert joined["present_count"] == 3


async def test_a_user_on_two_nodes_leaves_with_the_last_connection(cluster: Cluster) -> None:
    one, two = await cluster.node(), await cluster.node()
    ana = await one.joins("ana", "general")
    phone, laptop = await one.joins("bo", "general"), await two.joins("bo", "general")
    await hears_of(ana, "bo", online=True)
    await sees(two, "ana", "bo")

    await phone.socket.hang_up()
    eve = await one.joins("eve", "general")
    await hears_of(ana, "eve", online=True)
    await eve.socket.hang_up()
    # Eve leaves after bo's grace on this node has ended.
    await hears_of(ana, "eve", online=False)
    assert present(one) == ["ana", "bo"]

    await laptop.socket.hang_up()
    await hears_of(ana, "bo", online=False)


async def test_a_node_that_starts_later_knows_who_is_present(cluster: Cluster) -> None:
    one = await cluster.node()
    await one.joins("ana", "general")

    two = await cluster.node()
    await two.joins("bo", "general")

    await sees(two, "ana", "bo")


async def test_who_leaves_a_node_that_stops_stays_for_the_others(cluster: Cluster) -> None:
    one, two = await cluster.node(), await cluster.node()
    bo, ana = await two.joins("bo", "general"), await one.joins("ana", "general")
    await sees(two, "ana", "bo")

    await exchange(one).leave(3_600)
    await ana.socket.hang_up()
    await sees(one)
    exchange(two).compare_all()
    await two.joins("eve", "general")

    await hears_of(bo, "eve", online=True)
    assert present(two) == ["ana", "bo", "eve"]


async def test_the_users_of_a_drained_node_leave_after_the_grace(cluster: Cluster) -> None:
    one, two = await cluster.node(), await cluster.node()
    bo, _ = await two.joins("bo", "general"), await one.joins("ana", "general")
    await hears_of(bo, "ana", online=True)

    await one.runtime.drain()

    await hears_of(bo, "ana", online=False)


async def test_the_users_of_a_node_that_is_gone_leave_when_it_expires(cluster: Cluster) -> None:
    two = await cluster.node()
    bo = await two.joins("bo", "general")
    store = PresenceTable(cluster.database)
    users = {GENERAL: b'[[99,"ana","Ana"]]'}
    await store.replace("killed", users, version=1, seconds=3_600)
    exchange(two).compare_all()
    await hears_of(bo, "ana", online=True)

    await store.write("killed", {}, after=1, version=1, seconds=0.05)
    exchange(two).compare_all()

    await hears_of(bo, "ana", online=False)


async def test_lost_notifications_are_made_up_for(cluster: Cluster) -> None:
    soon = {"presence_refresh_seconds": 0.02}
    one, two = await cluster.node(**soon), await cluster.node(is_deaf=True, **soon)
    ana = await one.joins("ana", "general")
    bo = await two.joins("bo", "general")

    await hears_of(ana, "bo", online=True)
    await sees(two, "ana", "bo")
    await bo.socket.hang_up()
    await hears_of(ana, "bo", online=False)


async def test_a_store_that_was_emptied_makes_no_one_leave(cluster: Cluster) -> None:
    one, two = await cluster.node(), await cluster.node()
    ana, _ = await one.joins("ana", "general"), await two.joins("bo", "general")
    await hears_of(ana, "bo", online=True)
    await sees(two, "ana", "bo")

    def empty(connection: DbConnection) -> None:
        connection.run("DELETE FROM node_presence", {})
        connection.run("DELETE FROM nodes", {})

    await cluster.database.write(empty)
    # Node one writes again, all that it has, and compares; node two has not written yet.
    await one.joins("eve", "general")
    await hears_of(ana, "eve", online=True)
    store = PresenceTable(cluster.database)
    await store.replace("third", {GENERAL: b'[[99,"fay","Fay"]]'}, version=1, seconds=3_600)
    exchange(one).compare_all()
    await hears_of(ana, "fay", online=True)

    assert present(one) == ["ana", "bo", "eve", "fay"]
    assert not any(frame.get("online") is False for frame in ana.heard)
    await sees(two, "ana", "bo", "eve")


async def test_garbage_in_the_table_is_ignored(cluster: Cluster) -> None:
    two = await cluster.node(presence_refresh_seconds=0.02)
    bo = await two.joins("bo", "general")
    store = PresenceTable(cluster.database)
    await store.replace(
        "other", {GENERAL: b"garbage", RoomId(77): b"[[1]]"}, version=7, seconds=3_600
    )
    await cluster.database.write(
        lambda c: node_presence.replace(c, "no name", {GENERAL: "[9]"}, version=1, millis=99_999)
    )

    await store.replace("third", {GENERAL: b'[[99,"ana","Ana"]]'}, version=1, seconds=3_600)

    await hears_of(bo, "ana", online=True)
    assert present(two) == ["ana", "bo"]
    assert two.runtime.realtime.presence.count(GENERAL) == 2


async def test_who_is_present_on_another_node_is_mentioned(cluster: Cluster) -> None:
    one, two = await cluster.node(), await cluster.node()
    ana = await one.joins(await one.person("ana", is_admin=True), "general")
    await two.joins("bo", "general")
    await hears_of(ana, "bo", online=True)

    assert (await ana.ask("send", text="@here"))["type"] == "ack"

    room = await (await two.person("bo")).http.get("/rooms/general")
    assert room.json()["mentions"] == 1
