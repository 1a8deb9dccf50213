"""Several nodes on one database: what they tell each other."""

import asyncio

import pytest

from app.broker.base import LookEverywhere
from app.broker.memory import MemoryBroker, MemoryBus
from tests.harness.databases import GatedDatabase
from tests.harness.patience import until
from tests.harness.server import Server, open_server


async def test_a_node_that_may_have_missed_notifications_compares_everything(
    gated: GatedDatabase,
) -> None:
    bus = MemoryBus()
    other = MemoryBroker(bus)
    async with open_server(gated, broker=MemoryBroker(bus)) as server:
        await other.open(lambda _: None)
        polls = server.runtime.realtime.poller
        polling = asyncio.create_task(polls.run())
        await gated.quiet()
        reads = gated.reads

        other.notify(LookEverywhere())

        await until(lambda: gated.reads > reads, "the poll")
        polling.cancel()


@pytest.mark.parametrize("found_by", ["broker", "poll"])
async def test_a_new_epoch_reaches_the_other_node(server: Server, found_by: str) -> None:
    """Else that node would accept cursors of the history before, and its clients skip events."""
    bus = MemoryBus()
    rarely = {"realtime": {"poll_seconds": 3_600}}
    async with (
        open_server(server.database, broker=MemoryBroker(bus), limits=rarely) as one,
        open_server(server.database, broker=MemoryBroker(bus), limits=rarely) as two,
    ):
        two.shares_people_with(one)
        ana = await two.joins("ana", "general")
        poller = two.runtime.realtime.poller
        cursor = {"since": ana.sequence.cursors["general"], "epoch": two.runtime.log.epoch.name}
        polling = asyncio.create_task(poller.run() if found_by == "broker" else asyncio.sleep(0))

        new = await one.runtime.admin.new_epoch()
        if found_by == "poll":
            await poller.poll()

        await until(lambda: two.runtime.log.epoch.name == new, "the epoch")
        polling.cancel()
        # As on the node that changed it, what is open goes on; a client that joins is reset.
        await ana.nothing_more()
        again = await two.connects("ana")
        reset = await again.ask("join", room="general", **cursor)
        assert (reset["type"], reset["reason"], reset["epoch"]) == ("reset", "epoch", new)


async def test_events_and_revocations_reach_the_other_node(server: Server) -> None:
    bus = MemoryBus()
    async with (
        open_server(server.database, broker=MemoryBroker(bus)) as one,
        open_server(server.database, broker=MemoryBroker(bus)) as two,
    ):
        two.shares_people_with(one)
        ana, bo = await one.joins("ana", "general"), await two.joins("bo", "general")

        said = await ana.ask("send", text="from one")
        back = await bo.ask("send", text="from two")

        await asyncio.gather(ana.hears_until(back["seq"]), bo.hears_until(back["seq"]))
        assert said["seq"] + 1 == back["seq"]
        assert ana.texts == bo.texts == ["from one", "from two"]
        await one.logs_out(await one.person("bo"))
        assert (await bo.is_closed())[0] == 4001
