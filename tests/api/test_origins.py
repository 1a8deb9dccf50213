"""Pages of other origins: who may call, and what they may read."""

from collections.abc import AsyncIterator

import pytest
from httpx2 import AsyncClient

from app.api.origins import EXPOSED_HEADERS
from app.domain.connection_limits import MAX_BODY_BYTES
from app.store.database import Database
from tests.harness.server import Server, open_server

APP = "capacitor://localhost"


@pytest.fixture
async def client(database: Database) -> AsyncIterator[AsyncClient]:
    async with open_server(database, allowed_origins=(APP, "https://chat.example.org")) as server:
        yield server.client


@pytest.mark.parametrize(
    "origin",
    [APP, "https://chat.example.org", "HTTPS://Chat.Example.org", "https://chat.example.org:443"],
)
async def test_an_allowed_origin_may_call(client: AsyncClient, origin: str) -> None:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, idempotency-key",
    }

    answer = await client.options("/rooms/general/messages", headers=asked)

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize(
    "origin",
    ["null", "http://chat.example.org", "https://chat.example.org.evil", "capacitor://evil", "x"],
)
async def test_no_other_origin_may(client: AsyncClient, origin: str) -> None:
    answer = await client.get("/health", headers={"Origin": origin})

    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        pytest.param("GET", "/rooms", b"", 401, id="no token"),
        pytest.param("GET", "/nothing", b"", 404, id="no such address"),
        pytest.param("PATCH", "/health", b"", 405, id="no such method"),
        pytest.param("POST", "/users", b"{", 400, id="no JSON"),
        pytest.param("POST", "/users", b" " * (MAX_BODY_BYTES + 1), 413, id="too large"),
    ],
)
async def test_an_allowed_origin_can_read_every_error(
    client: AsyncClient, method: str, path: str, body: bytes, status: int
) -> None:
    headers = {"Origin": APP, "Content-Type": "application/json"}

    answer = await client.request(method, path, content=body, headers=headers)

    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert sorted(exposed) == sorted(EXPOSED_HEADERS)
    assert answer.headers["X-Request-Id"]


async def test_without_allowed_origins_nothing_is_said(server: Server) -> None:
    answer = await server.client.get("/health", headers={"Origin": APP})

    assert "Access-Control-Allow-Origin" not in answer.headers
