"""The rooms with subscribers, and when one is dropped."""

from app.domain.appends import Send
from tests.harness.databases import GatedDatabase
from tests.harness.patience import patience, until
from tests.harness.server import Server, open_server


async def send(server: Server, text: str) -> int:
    """Send a message as ana; its seq."""
    return (await server.append(Send, "general", by="ana", text=text)).seq or 0


async def test_a_room_without_subscribers_is_dropped_after_a_while(gated: GatedDatabase) -> None:
    async with open_server(gated, limits={"realtime": {"room_feed_idle_seconds": 0.02}}) as server:
        feed, room = server.runtime.realtime.feed, server.room_id("general")
        ana = await server.joins("ana", "general")
        await send(server, "one")
        await ana.ask("leave")
        again = await server.joins("ana", "general")
        assert feed.room_ids() == [room]

        await again.hang_up()
        await until(lambda: not feed.room_ids(), "the room to be dropped")
        assert server.runtime.realtime.replay_buffers.size == 0
        last = await send(server, "two")

        back = await server.joins("ana", "general", since=1)
        assert back.sequence.cursors["general"] == last
        assert back.texts == ["one", "two"]


async def test_a_room_that_is_dropped_during_a_read_reads_no_more(gated: GatedDatabase) -> None:
    async with open_server(gated, limits={"realtime": {"room_feed_idle_seconds": 0.0}}) as server:
        ana = await server.joins("ana", "general")
        feed, room = server.runtime.realtime.feed, server.room_id("general")
        await gated.quiet()
        with gated.holding_reads() as gate:
            feed.on_head(room, 99)
            await until(lambda: gate.waiting, "the read")
            await ana.hang_up()
            await until(lambda: not feed.room_ids(), "the room to be dropped")
            reads = gated.reads
        await gated.quiet()
        assert gated.reads == reads


async def test_closing_stops_the_reads(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        await server.joins("ana", "general")
        await gated.quiet()
        with gated.holding_reads() as gate:
            server.runtime.realtime.feed.on_head(server.room_id("general"), 99)
            await until(lambda: gate.waiting, "the read")
            async with patience("the end"):
                await server.runtime.realtime.feed.close()
        assert server.runtime.realtime.feed.room_ids() == []
