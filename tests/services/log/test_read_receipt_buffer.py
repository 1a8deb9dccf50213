"""Read receipts that are not in the database yet."""

from app.domain.errors import Unavailable
from tests.harness.databases import GatedDatabase
from tests.harness.patience import until
from tests.harness.server import open_server


async def test_a_receipt_is_written_after_a_while_without_appends(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated, limits={"log": {"read_receipt_seconds": 0.02}}) as server:
        bo = await server.joins("bo", "general")
        await gated.quiet()
        writes = gated.batches
        await bo.ask("read", seq=2)
        await bo.ask("read", seq=1)
        await until(lambda: gated.batches > writes, "a batch for the receipt")
        await gated.quiet()

        assert gated.batches == writes + 1
        async with open_server(gated, limits={"log": {"read_receipt_seconds": 0.02}}) as restarted:
            restarted.shares_people_with(server)
            again = await restarted.connects("bo", "general")
            assert (await again.catches_up())[0]["read"] == 2


async def test_a_receipt_that_could_not_be_written_is_kept(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        bo = await server.joins("bo", "general")
        await gated.quiet()
        await bo.ask("read", seq=2)
        gated.fails_with = Unavailable()
        assert (await bo.ask("send", text="x"))["code"] == "unavailable"
        gated.fails_with = None
        assert (await bo.ask("send", text="x"))["type"] == "ack"
        await gated.quiet()

        async with open_server(gated) as restarted:
            restarted.shares_people_with(server)
            again = await restarted.connects("bo", "general")
            assert (await again.catches_up())[0]["read"] == 2
