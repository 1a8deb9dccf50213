"""Headers of every response, and the log line of every request."""

import logging

import pytest
from httpx2 import AsyncClient

from app.api.docs import API_CSP, SECURITY_HEADERS
from app.api.http_counts import HttpCounts
from app.api.middleware import Requests
from app.store.database import Database
from tests.harness.server import open_server


async def test_every_response_has_security_headers_and_an_id(client: AsyncClient) -> None:
    answers = [await client.get(path) for path in ("/health", "/nowhere", "/users/me")]

    for answer in answers:
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name] == value
        assert answer.headers["content-security-policy"] == API_CSP
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3


async def test_a_page_keeps_its_own_policy(client: AsyncClient) -> None:
    answer = await client.get("/docs")

    assert answer.headers.get_list("content-security-policy") != [API_CSP]
    assert len(answer.headers.get_list("content-security-policy")) == 1


async def test_a_request_is_logged_without_its_query(
    client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="parley.http")

    answer = await client.get("/users/me?token=hunter2")

    [record] = [r for r in caplog.records if r.getMessage() == "request.done"]
    facts = record.facts  # type: ignore[attr-defined]
    assert (facts["method"], facts["path"], facts["status"]) == ("GET", "/users/me", 422)
    assert facts["ms"] >= 0
    assert answer.status_code == 422
    assert "hunter2" not in caplog.text


async def test_requests_are_not_logged_above_info(
    client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="parley.http")

    await client.get("/health")

    assert "request.done" not in caplog.text


async def test_other_scopes_pass_through_unchanged() -> None:
    seen = []

    async def app(*call: object) -> None:
        seen.append(call)

    call = ({"type": "lifespan"}, object(), object())
    await Requests(app, HttpCounts())(*call)  # type: ignore[arg-type]

    assert seen == [call]


async def test_allowed_origins_may_call(database: Database) -> None:
    friend, foe = "https://chat.example.org", "https://evil.example"
    async with open_server(database, allowed_origins=(friend,)) as server:
        asked = {"Access-Control-Request-Method": "POST"}
        allowed = await server.client.options("/users", headers={"Origin": friend, **asked})
        refused = await server.client.options("/users", headers={"Origin": foe, **asked})
        answer = await server.client.get("/health", headers={"Origin": friend})

    assert allowed.headers["access-control-allow-origin"] == friend
    assert "access-control-allow-origin" not in refused.headers
    assert answer.headers["access-control-allow-origin"] == friend


async def test_no_other_origin_may_call_by_default(client: AsyncClient) -> None:
    answer = await client.get("/health", headers={"Origin": "https://chat.example.org"})

    assert "access-control-allow-origin" not in answer.headers
