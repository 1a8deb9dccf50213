"""HTTP requests are counted by their route, not by what a client put into the path."""

import pytest

from tests.api.metrics_env import scrape
from tests.harness.server import Server, open_server


@pytest.mark.parametrize(
    ("method", "path", "counted"),
    [
        pytest.param("GET", "/health", ("GET", "/health", "200"), id="a path"),
        pytest.param("GET", "/users/bo", ("GET", "/users/{username}", "404"), id="a template"),
        pytest.param("GET", "/admin/users", ("GET", "/admin/users", "403"), id="a prefix"),
        pytest.param(
            "GET",
            "/rooms/general/messages",
            ("GET", "/rooms/{room}/messages", "200"),
            id="the fast path",
        ),
        pytest.param(
            "GET",
            "/rooms/general/messages?limit=x",
            ("GET", "/rooms/{room}/messages", "422"),
            id="not the fast path",
        ),
        pytest.param("GET", "/users/me", ("GET", "/users/me", "200"), id="another fast path"),
        pytest.param(
            "POST",
            "/rooms/nowhere/messages",
            ("POST", "/rooms/{room}/messages", "404"),
            id="a fast path with a body",
        ),
        pytest.param("HEAD", "/health", ("HEAD", "/health", "200"), id="HEAD"),
        pytest.param("GET", "/web/style.css", ("GET", "page", "200"), id="a file"),
        pytest.param("GET", "/nothing/7", ("GET", "none", "404"), id="no route"),
        pytest.param("BREW", "/rooms", ("other", "/rooms", "405"), id="an invented method"),
    ],
)
async def test_a_request_counts_for_its_route(
    server: Server, method: str, path: str, counted: tuple[str, ...]
) -> None:
    ana = await server.person("ana")
    before = await scrape(server.client)

    body = {"text": "hi"} if method == "POST" else None
    await ana.http.request(method, path, json=body)

    after = await scrape(server.client)
    name = "parley_http_requests_total"
    assert after[name, *counted] - before.get((name, *counted), 0) == 1
    seconds = ("parley_http_response_seconds_total", *counted[:2])
    assert after[seconds] > before.get(seconds, 0)


async def test_two_servers_in_one_process_count_for_themselves(server: Server) -> None:
    health = ("parley_http_requests_total", "GET", "/health", "200")
    before = (await scrape(server.client)).get(health, 0)

    async with open_server(server.database) as other:
        await other.client.get("/health")

        assert (await scrape(other.client))[health] >= 1
    assert (await scrape(server.client)).get(health, 0) == before
