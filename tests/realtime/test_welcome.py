"""Welcome comes first: what happens while a log-in is read waits for it."""

import pytest

from tests.harness.databases import GatedDatabase
from tests.harness.patience import until
from tests.harness.server import open_server


@pytest.mark.parametrize("but", [0, 1], ids=["the log-in is read", "the rooms are read"])
async def test_news_waits_for_the_welcome(gated: GatedDatabase, but: int) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        bo = await server.person("bo")

        with gated.holding_read_results(but=but) as gate:
            line = await server.connects(bo)
            await until(lambda: gate.waiting, "bo to be on the way")
            await server.admit("den", "bo", by="ana")
        await line.hears("welcome")

        assert (await line.hears("added"))["room"] == "den"


async def test_nobody_hears_of_rooms_whose_log_in_has_ended(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        bo = await server.person("bo")
        await server.logs_out(bo)

        with gated.holding_reads() as gate:
            line = await server.connects(bo)
            await until(lambda: gate.waiting, "bo to be on the way")
            await server.admit("den", "bo", by="ana")

        code, _ = await line.is_closed()
        assert (code, line.heard) == (4001, [])
