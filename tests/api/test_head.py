"""HEAD is GET without a body, where GET ends."""

import pytest
from httpx2 import AsyncClient

from tests.harness.server import Server


@pytest.mark.parametrize(
    "path", ["/health", "/ready", "/", "/openapi.json", "/docs", "/web/app.js"]
)
async def test_head_is_get_without_a_body(client: AsyncClient, path: str) -> None:
    get, head = await client.get(path), await client.head(path)

    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["Content-Type"] == get.headers["Content-Type"]
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


async def test_head_needs_the_same_token(server: Server, client: AsyncClient) -> None:
    ana = await server.person("ana")

    assert (await ana.http.head("/users/me")).status_code == 200
    assert (await client.head("/users/me")).status_code == 401


@pytest.mark.parametrize(
    ("accept", "query"),
    [
        pytest.param("text/event-stream", "", id="a stream"),
        pytest.param("application/x-ndjson", "", id="an export"),
        pytest.param("application/json", "?since=1&wait=60", id="a wait"),
    ],
)
async def test_head_never_opens_what_does_not_end(server: Server, accept: str, query: str) -> None:
    ana = await server.person("ana")

    answer = await ana.http.head(f"/rooms/general/events{query}", headers={"Accept": accept})

    assert answer.status_code == 405


async def test_head_of_a_page_of_the_log(server: Server) -> None:
    ana = await server.person("ana")

    assert (await ana.http.head("/rooms/general/events")).status_code == 200
    assert (await ana.http.head("/rooms/general/messages")).content == b""
