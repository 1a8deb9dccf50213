"""What clients learn of rooms that they have not joined, when another node has committed it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.broker.base import LogAdvanced
from app.broker.memory import MemoryBroker, MemoryBus
from app.domain.ids import RoomId
from app.store.database import Database
from tests.harness.server import Server, open_server


@asynccontextmanager
async def two_nodes(database: Database, **limits: float) -> AsyncIterator[tuple[Server, Server]]:
    """Nodes on one database; of a private room, den, ana is the owner and bo a member."""
    bus = MemoryBus()
    async with (
        open_server(database, broker=MemoryBroker(bus), limits={"realtime": limits}) as one,
        open_server(database, broker=MemoryBroker(bus), limits={"realtime": limits}) as two,
    ):
        two.shares_people_with(one)
        await one.room("den", owner="ana", members=["bo"], kind="private")
        yield one, two


async def test_activity_reaches_members_on_other_nodes(database: Database) -> None:
    async with two_nodes(database, activity_seconds=0.05) as (one, two):
        ana, bo = await one.joins("ana", "den"), await two.connects("bo")
        await bo.hears("welcome")

        sent = await ana.ask("send", text="hello @bo")

        # The first may be about the room's beginning.
        while (heard := await bo.hears("activity"))["head"] < sent["seq"]:
            pass
        assert (heard["room"], heard["head"], heard["mention"]) == ("den", sent["seq"], True)


async def test_what_comes_within_an_interval_is_told_at_its_end_with_its_mentions(
    database: Database,
) -> None:
    async with two_nodes(database, activity_seconds=0.05) as (one, two):
        ana, bo = await one.joins("ana", "den"), await two.connects("bo")
        await bo.hears("welcome")
        await ana.ask("send", text="first")
        await bo.hears("activity")

        await ana.ask("send", text="@bo")
        for number in range(20):
            last = await ana.ask("send", text=f"{number}")

        heard, mentioned = {"head": 0}, False
        while heard["head"] < last["seq"]:
            heard = await bo.hears("activity")
            mentioned |= heard.get("mention", False)
        assert mentioned


async def test_who_is_added_and_removed_on_one_node_is_told_on_another(
    database: Database,
) -> None:
    async with two_nodes(database) as (one, two):
        eve = await two.connects("eve")
        await eve.hears("welcome")

        await one.admit("den", "eve", by="ana")
        added = await eve.hears("added")
        ana = await one.person("ana")
        await ana.http.delete("/rooms/den/members/eve")
        removed = await eve.hears("removed")

        assert (added["room"], added["by"]) == ("den", "ana")
        assert (removed["room"], removed["reason"]) == ("den", "removed")


@pytest.mark.parametrize(
    "wrong",
    [
        LogAdvanced(RoomId(9_999), 7, 1, changes_members=True),
        LogAdvanced(RoomId(1), 2**32 - 1, 2, changes_members=True),
        LogAdvanced(RoomId(1), 2**32 - 1),
    ],
    ids=["no such room", "beyond the head", "of a log alone"],
)
async def test_a_wrong_notification_is_harmless(database: Database, wrong: LogAdvanced) -> None:
    async with two_nodes(database) as (one, two):
        bo = await two.connects("bo")
        await bo.hears("welcome")

        two.runtime.realtime.cluster.on_notification(wrong)
        ana = await one.joins("ana", "den")
        await ana.ask("send", text="still there")

        assert (await bo.hears("activity"))["room"] == "den"
