"""Every HTTP error is a problem document that repeats nothing of the request."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient

from app.domain.errors import RateLimited, Unauthorized, Unavailable
from tests.harness.databases import GatedDatabase
from tests.harness.server import Server, open_server

JSON = {"Content-Type": "application/json"}


def code(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body.keys() >= {"type", "title", "detail", "code"}
    return answer.status_code, body["code"]


async def test_unknown_paths_and_methods(client: AsyncClient) -> None:
    assert code(await client.get("/nowhere")) == (404, "not_found")
    assert code(await client.get("/users/me/nothing/here")) == (404, "not_found")
    wrong = await client.delete("/token")
    assert code(wrong) == (405, "method_not_allowed")
    assert "POST" in wrong.headers["allow"]


async def test_a_request_without_a_token_is_challenged(client: AsyncClient) -> None:
    answer = await client.get("/users/me")

    assert code(answer) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="half an object"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(b'"x"', id="a string"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b'{"username": NaN}', id="NaN in it"),
        pytest.param(b'{"username": 1e999}', id="a number without end"),
        pytest.param(b'{"username": ' + b"9" * 5_000 + b"}", id="a long number"),
        pytest.param(b'{"username": "\\ud800"}', id="a lone surrogate"),
        pytest.param(b'{"username": "a\\u0000b"}', id="NUL"),
        pytest.param(b'{"username": "\xff"}', id="not UTF-8"),
        pytest.param(b"[" * 100_000, id="deep lists"),
        pytest.param(b'{"a":' * 20_000, id="deep objects"),
        pytest.param(b'{"username": {"$gt": ""}}', id="an object for a name"),
        pytest.param(b'\xef\xbb\xbf{"username": "x"}', id="a byte order mark"),
    ],
)
async def test_an_invalid_body_is_refused(client: AsyncClient, body: bytes) -> None:
    answer = await client.post("/users", content=body, headers=JSON)

    assert code(answer) in ((400, "bad_request"), (422, "invalid"))
    assert "Traceback" not in answer.text


async def test_an_oversized_body_is_refused(client: AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 64 * 1024

    announced = await client.post("/users", content=b"x" * (256 * 1024 + 1), headers=JSON)
    unannounced = await client.post("/users", content=parts(), headers=JSON)

    assert code(announced) == code(unannounced) == (413, "too_large")
    fits = await client.post("/users", content=b" " * 256 * 1024, headers=JSON)
    assert code(fits)[0] in (400, 422)


async def test_a_wrong_value_is_never_repeated(client: AsyncClient) -> None:
    secret = "correct horse battery staple"

    answer = await client.post("/users", json={"username": 1, "password": [secret]})

    assert code(answer) == (422, "invalid")
    assert secret not in answer.text
    assert {error["loc"][-1] for error in answer.json()["errors"]} == {"username", "password"}
    assert all(error.keys() == {"loc", "type", "msg"} for error in answer.json()["errors"])


async def test_an_unexpected_error_is_logged_and_reveals_nothing(
    gated: GatedDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_server(gated) as server:
        ana = await server.person("ana")
        gated.fails_with = ZeroDivisionError("a secret of ours")
        transport = ASGITransport(server.client._transport.app, raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url="http://parley.test") as client:
            answer = await client.get("/users/me", headers=ana.bearer)
        gated.fails_with = None

    assert code(answer) == (500, "internal")
    assert "secret" not in answer.text
    assert "request.failed" in caplog.text


@pytest.mark.parametrize(
    ("error", "status", "after"),
    [
        pytest.param(Unavailable(), 503, "1", id="unavailable"),
        pytest.param(RateLimited(retry_after=2.3), 429, "3", id="rate limited, rounded up"),
        pytest.param(RateLimited(retry_after=0.01), 429, "1", id="never nothing"),
        pytest.param(Unauthorized(), 401, None, id="nothing to wait for"),
    ],
)
async def test_retry_after_is_sent_with_temporary_errors(
    gated: GatedDatabase, error: Exception, status: int, after: str | None
) -> None:
    async with open_server(gated) as server:
        ana = await server.person("ana")
        gated.fails_with = error
        answer = await ana.http.get("/users/me")
        gated.fails_with = None

    assert answer.status_code == status
    assert answer.headers.get("retry-after") == after


async def test_unknown_and_repeated_query_parameters_are_invalid(server: Server) -> None:
    ana = await server.person("ana")

    for query in ("colour=red", "limit=1&limit=1", "limit=0", "limit=201", "limit=x"):
        assert code(await ana.http.get(f"/rooms?{query}")) == (422, "invalid"), query


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/health", "GET, HEAD"),
        ("POST", "/users/me", "GET, HEAD, PATCH, DELETE"),
        ("PATCH", "/rooms", "GET, HEAD, POST"),
        ("DELETE", "/rooms/general/messages", "GET, HEAD, POST"),
        ("GET", "/token", "POST"),
    ],
)
async def test_allow_lists_every_method_of_the_path(
    client: AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await client.request(method, path)

    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


@pytest.mark.parametrize("name", ["Authorization", "Content-Type", "Idempotency-Key"])
async def test_a_header_that_is_read_once_is_given_once(server: Server, name: str) -> None:
    ana = await server.person("ana")
    value = {"Content-Type": "application/json", **ana.bearer}.get(name, "key")
    headers = [*ana.bearer.items(), ("Content-Type", "application/json"), (name, value)]
    if name == "Idempotency-Key":
        headers.append((name, "another"))

    answer = await server.client.post(
        "/rooms/general/messages", content=b'{"text": "hi"}', headers=headers
    )

    assert answer.status_code == 400
    assert name.lower() in answer.json()["detail"]


@pytest.mark.parametrize("limit", ["50", "050"], ids=["fast path", "FastAPI"])
async def test_a_bearer_token_may_stand_behind_several_spaces(server: Server, limit: str) -> None:
    ana = await server.person("ana")

    answer = await server.client.get(
        f"/rooms/general/messages?limit={limit}", headers={"Authorization": f"Bearer  {ana.token}"}
    )

    assert answer.status_code == 200
