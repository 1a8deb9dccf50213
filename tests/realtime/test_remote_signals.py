"""Signals about a user, for subscribers on other nodes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.broker.memory import MemoryBroker, MemoryBus
from app.store.database import Database
from tests.harness.server import Server, open_server
from tests.harness.socket_client import SocketClient


@asynccontextmanager
async def two_nodes(
    database: Database,
) -> AsyncIterator[tuple[Server, SocketClient, SocketClient]]:
    """The second node; ana and bo in a private room, on a node each."""
    bus = MemoryBus()
    async with (
        open_server(database, broker=MemoryBroker(bus)) as one,
        open_server(database, broker=MemoryBroker(bus)) as two,
    ):
        two.shares_people_with(one)
        await one.room("den", owner="ana", members=["bo", "eve"], kind="private")
        yield two, await one.joins("ana", "den"), await two.joins("bo", "den")


async def test_typing_is_shown_on_other_nodes_and_ends_there(database: Database) -> None:
    async with two_nodes(database) as (_, ana, bo):
        await ana.sends("typing", on=True)
        await ana.sends("typing", on=False)

        heard = [await bo.hears("typing") for _ in range(2)]

        assert [(one["room"], one["by"], one["on"]) for one in heard] == [
            ("den", "ana", True),
            ("den", "ana", False),
        ]


async def test_whom_a_block_separates_is_shown_nothing(database: Database) -> None:
    async with two_nodes(database) as (two, ana, bo):
        blocked = await (await two.person("bo")).http.put("/users/me/blocks/ana")
        assert blocked.is_success

        eve = await two.joins("eve", "den")

        await ana.sends("typing", on=True)

        await eve.hears("typing")
        await bo.nothing_more()
        assert not any(frame["type"] == "typing" for frame in bo.heard)


@pytest.mark.postgres_only
async def test_read_receipts_are_shown_on_other_nodes(database: Database) -> None:
    async with two_nodes(database) as (_, ana, bo):
        sent = await bo.ask("send", text="hello")
        await ana.hears_until(sent["seq"])
        await bo.hears_until(sent["seq"])

        await ana.ask("read", seq=sent["seq"])

        heard = await bo.hears("read")
        assert (heard["room"], heard["by"], heard["seq"]) == ("den", "ana", sent["seq"])


@pytest.mark.postgres_only
async def test_own_connections_on_other_nodes_are_told_of_a_placed_marker(
    database: Database,
) -> None:
    async with two_nodes(database) as (two, ana, bo):
        phone = await two.connects("ana")
        await phone.hears("welcome")
        sent = await bo.ask("send", text="hello @ana")
        for line in (ana, bo):
            await line.hears_until(sent["seq"])

        await ana.ask("read", seq=sent["seq"])
        await ana.ask("read", seq=sent["seq"] - 1, force=True)

        heard = await phone.hears("read")
        assert (heard["seq"], heard["unread"], heard["mentions"]) == (sent["seq"] - 1, 1, 1)
        await bo.nothing_more()
        assert {one["seq"] for one in bo.heard if one["type"] == "read"} == {sent["seq"]}
