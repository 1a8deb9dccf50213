"""How many connections a user may have, and which make room for a new one."""

import asyncio

from app.domain.connection_limits import MAX_WAITING_CONNECTIONS
from app.store.database import Database
from tests.harness.server import Server, open_server
from tests.harness.socket_client import SocketClient


async def sockets_of(server: Server, who: str, count: int) -> list[SocketClient]:
    clients = [await server.connects(who, fast=True) for _ in range(count)]
    for client in clients:
        await client.hears("welcome")
    return clients


async def test_a_client_that_is_gone_makes_room_for_a_new_one(database: Database) -> None:
    async with open_server(database, max_connections_per_user=3) as server:
        first, second, third = await sockets_of(server, "bo", 3)
        second.socket.answers_pings = False

        fourth = await server.connects("bo", fast=True)

        await fourth.hears("welcome")
        assert (await second.is_closed())[0] == 4108
        for present in (first, third, fourth):
            assert (await present.ask("ping"))["type"] == "pong"


async def test_clients_that_are_all_gone_make_room_for_as_many(database: Database) -> None:
    async with open_server(database, max_connections_per_user=2) as server:
        for gone in await sockets_of(server, "bo", 2):
            gone.socket.answers_pings = False

        await sockets_of(server, "bo", 2)

        assert (await (await server.connects("bo", fast=True)).is_closed())[0] == 4109


async def test_the_log_in_is_read_again_after_the_wait(database: Database) -> None:
    async with open_server(database, max_connections_per_user=1) as server:
        bo = await server.person("bo")
        [gone] = await sockets_of(server, "bo", 1)
        waits, goes_on = asyncio.Event(), asyncio.Event()

        async def probe(_seconds: float) -> bool:
            waits.set()
            await goes_on.wait()
            return False

        [connection] = server.runtime.realtime.hub.of_user(bo.user)
        connection.probe = probe
        new = await server.connects("bo", fast=True)
        await waits.wait()
        await server.logs_out(bo)
        goes_on.set()

        assert (await new.is_closed())[0] == 4001
        assert new.heard == []
        assert (await gone.is_closed())[0] == 4001


async def test_few_wait_for_room_at_once(database: Database) -> None:
    async with open_server(database, max_connections_per_user=1) as server:
        bo = await server.person("bo")
        await sockets_of(server, "bo", 1)
        goes_on = asyncio.Event()

        async def probe(_seconds: float) -> bool:
            await goes_on.wait()
            return True

        [connection] = server.runtime.realtime.hub.of_user(bo.user)
        connection.probe = probe
        waiting = [await server.connects("bo", fast=True) for _ in range(MAX_WAITING_CONNECTIONS)]

        one_more = await server.connects("bo", fast=True)

        assert (await one_more.is_closed())[0] == 4109
        assert all(client.heard == [] for client in waiting)
        goes_on.set()
        for client in waiting:
            assert (await client.is_closed())[0] == 4109


async def test_the_oldest_are_asked_first(database: Database) -> None:
    async with open_server(database, max_connections_per_user=20) as server:
        clients = await sockets_of(server, "bo", 20)
        for client in clients[16:]:
            client.socket.answers_pings = False

        refused = await server.connects("bo", fast=True)

        assert (await refused.is_closed())[0] == 4109
        clients[15].socket.answers_pings = False
        await (await server.connects("bo", fast=True)).hears("welcome")
        assert (await clients[15].is_closed())[0] == 4108
