"""The `type` of every problem document leads to a page."""

from collections.abc import Iterator

import pytest

from app.domain.errors import Banned, ParleyError
from app.wire.errors import problem
from tests.harness.server import Server


def kinds(root: type[ParleyError] = ParleyError) -> Iterator[type[ParleyError]]:
    for kind in root.__subclasses__():
        if kind.__module__ == ParleyError.__module__:
            yield kind
            yield from kinds(kind)


async def test_every_error_has_a_page(server: Server) -> None:
    found = list(kinds())
    assert len(found) > 20
    for kind in found:
        said = problem(kind())

        page = await server.client.get(said["type"])

        assert page.status_code == 200, said["type"]
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert f"<h1><code>{kind.code}</code></h1>" in page.text
        assert f"HTTP status {kind.status}." in page.text
        assert page.text.count("<p>") >= 2


async def test_a_page_is_readable_and_loads_nothing(server: Server) -> None:
    page = await server.client.get("/errors/banned")

    assert f"WebSocket close code {Banned.close}." in page.text
    assert "(For a private room it is <code>room_not_found</code>.)" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for path in ("/errors/invalid", "/errors/internal"):
        text = (await server.client.get(path)).text
        assert not any(mark in text for mark in ("`", "](", "##", "<script", "src="))


@pytest.mark.parametrize("code", ["nothing", "errors.md", "Banned", "%2e%2e"])
async def test_another_code_is_not_found(server: Server, code: str) -> None:
    answer = await server.client.get(f"/errors/{code}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_pages_are_read_only(server: Server) -> None:
    assert (await server.client.head("/errors/banned")).status_code == 200
    assert (await server.client.post("/errors/banned")).status_code == 405
