"""A WebSocket address that is asked over plain HTTP."""

import pytest
from httpx2 import AsyncClient


@pytest.mark.parametrize("path", ["/ws", "/ws/general", "/ws?token=x"])
async def test_a_lost_upgrade_is_explained(client: AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert (answer.status_code, answer.json()["code"]) == (426, "upgrade_required")
    assert "proxy" in answer.json()["detail"]
    assert (answer.headers["Upgrade"], answer.headers["Connection"]) == ("websocket", "Upgrade")
