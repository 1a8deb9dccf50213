"""Stopping without losing anything."""

import pytest

from tests.harness.patience import patience, turns
from tests.harness.server import Server


@pytest.mark.parametrize("fast", [False, True], ids=["asgi", "transport"])
async def test_clients_get_a_time_to_reconnect_at_and_their_replies(
    server: Server, fast: bool
) -> None:
    ana = await server.joins("ana", "general", fast=fast)
    asked = await ana.sends("send", text="in time")
    await turns(2)

    async with patience("the drain"):
        await server.runtime.drain()

    assert (await ana.is_closed())[0] == 4200
    assert (await ana.answer(asked))["type"] == "ack"
    drain = next(frame for frame in ana.heard if frame["type"] == "drain")
    assert 0 <= drain["reconnect_in_ms"] <= 1
    assert server.runtime.realtime.hub.deserted.is_set()
