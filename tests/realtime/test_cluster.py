"""Several nodes on one database: what they tell each other."""

import asyncio

from app.broker.memory import MemoryBroker, MemoryBus
from tests.harness.server import Server, open_server


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
