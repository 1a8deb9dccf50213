"""An answer is the same through the fast path and through FastAPI."""

import asyncio
import json
from typing import Any

import pytest
from httpx2 import Response

from app.api import fast_path
from app.api.fast_path import plain_request
from app.domain.errors import RoomNotFound
from tests.api.env import open_env, send_message
from tests.harness.databases import GatedDatabase
from tests.harness.server import Server, open_server

PATH = "/rooms/den/messages"

# A request with an origin is left to FastAPI.
THROUGH_FASTAPI = {"Origin": "https://elsewhere.test"}


@pytest.fixture
async def env(server: Server) -> Server:
    """A private room with messages."""
    await open_env(server)
    for number in range(12):
        await send_message(server, "ana", f"message {number} @bo")
    return server


def shown(answer: Response) -> tuple[int, object, dict[str, str]]:
    headers = {n: v for n, v in answer.headers.items() if n not in ("x-request-id", "date")}
    return answer.status_code, answer.json(), headers


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?limit=3",
        "?before=7",
        "?after=7&limit=2",
        "?limit=4&around=9",
        "?before=0",
        "?after=9007199254740",
        "?limit=200",
        "?before=1&after=2",
        "?limit=007",
    ],
)
@pytest.mark.parametrize("who", ["bo", "eve"])
async def test_the_fast_path_answers_as_fastapi_does(env: Server, query: str, who: str) -> None:
    person = await env.person(who)

    fast = await person.http.get(PATH + query)
    slow = await person.http.get(PATH + query, headers=THROUGH_FASTAPI)

    assert shown(fast) == shown(slow)


@pytest.mark.parametrize(
    "token", ["x", "a.b.c", "%00", "eyJhbGciOiJub25lIn0.e30."], ids=["x", "dots", "odd", "none"]
)
async def test_an_invalid_token_is_refused_by_both(env: Server, token: str) -> None:
    bearer = {"Authorization": f"Bearer {token}"}

    fast = await env.client.get(PATH, headers=bearer)
    slow = await env.client.get(PATH, headers=bearer | THROUGH_FASTAPI)

    assert fast.status_code == 401
    assert shown(fast) == shown(slow)


async def test_an_expired_token_is_refused(env: Server) -> None:
    bo = await env.person("bo")
    env.clock.pass_time(seconds=400 * 24 * 3600)

    assert (await bo.http.get(PATH)).json()["code"] == "token_expired"


async def test_an_account_is_the_same_through_both(env: Server) -> None:
    bo = await env.person("bo")

    fast = await bo.http.get("/users/me")
    slow = await bo.http.get("/users/me", headers=THROUGH_FASTAPI)

    assert fast.status_code == 200
    assert shown(fast) == shown(slow)
    assert fast.content == slow.content


@pytest.mark.parametrize(
    "message",
    [
        {"text": "hi"},
        {"text": "hi @ana é \u2028", "reply_to": 5, "data": {"a": [1.0, None, {}]}},
        {"text": "hi", "data": None},
    ],
)
async def test_a_message_is_answered_alike_by_both(env: Server, message: dict[str, Any]) -> None:
    bo = await env.person("bo")
    for number, through in enumerate(({}, THROUGH_FASTAPI)):
        key = {"Idempotency-Key": f"k {number}"}
        sent = await bo.http.post(PATH, json=message, headers=key | through)
        retried = await bo.http.post(PATH, json=message, headers=key | through)

        place = 17 + number
        assert (sent.status_code, retried.status_code) == (201, 200)
        assert sent.headers["location"] == f"{PATH}/{place}"
        stored = (await bo.http.get(f"{PATH}/{place}")).content
        assert sent.content == retried.content == stored


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"hi"',
        b"{}",
        b'{"text": ""}',
        b'{"text": "hi", "txt": 1}',
        b'{"text": "\\ud800"}',
        b'{"text": "hi", "reply_to": "5"}',
        b'{"text": "hi", "reply_to": 99}',
        b'{"text": "hi", "data": {"a": NaN}}',
        b'{"text": "\xff"}',
        b"[" * 100_000,
        b'{"text": "' + b"x" * 70_000 + b'"}',
        b"x" * 300_000,
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
async def test_a_refused_message_is_explained_alike_by_both(env: Server, body: bytes) -> None:
    bo = await env.person("bo")
    json_body = {"Content-Type": "application/json"}

    fast = await bo.http.post(PATH, content=body, headers=json_body)
    slow = await bo.http.post(PATH, content=body, headers=json_body | THROUGH_FASTAPI)

    assert 400 <= fast.status_code < 500
    assert shown(fast) == shown(slow)


async def test_a_stranger_cannot_send_through_either(env: Server) -> None:
    eve = await env.person("eve")

    fast = await eve.http.post(PATH, json={"text": "hi"})
    slow = await eve.http.post(PATH, json={"text": "hi"}, headers=THROUGH_FASTAPI)

    assert fast.status_code == 404
    assert shown(fast) == shown(slow)


BODY = json.dumps({"text": "hi"}).encode()


async def answered(message: dict[str, Any]) -> dict[str, Any]:
    return message


async def is_plain(scope: dict[str, object], *received: dict[str, Any]) -> bool:
    """Whether a request takes the fast path. It may read no more than ``received``."""
    left = iter(received)
    plain, _ = await plain_request(scope, lambda: answered(next(left)))
    return plain is not None


def asked(target: str = PATH, method: str = "GET", **headers: str) -> dict[str, object]:
    path, _, query = target.partition("?")
    given = {"authorization": "Bearer x", **headers}
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(n.replace("_", "-").encode(), v.encode()) for n, v in given.items()],
    }


@pytest.mark.parametrize(
    "scope",
    [
        pytest.param(asked(PATH + "?limt=3"), id="an unknown parameter"),
        pytest.param(asked(PATH + "?limit=3&limit=4"), id="one twice"),
        pytest.param(asked(PATH + "?limit="), id="nothing"),
        pytest.param(asked(PATH + "?limit=0"), id="too small"),
        pytest.param(asked(PATH + "?limit=201"), id="too large"),
        pytest.param(asked(PATH + "?before=-1"), id="below zero"),
        pytest.param(asked(PATH + "?before=1e3"), id="no whole number"),
        pytest.param(asked(PATH + "?before=9999999999999999"), id="no number of JSON"),
        pytest.param(asked(PATH + "?&"), id="ampersands"),
        pytest.param(asked(PATH + "/"), id="another path"),
        pytest.param(asked("/rooms/a/b/messages"), id="a path of more parts"),
        pytest.param(asked("/rooms/dën/messages"), id="a name that no room has"),
        pytest.param(asked(method="POST"), id="another method"),
        pytest.param(asked(method="HEAD"), id="no body wanted"),
        pytest.param(asked(authorization="Basic x"), id="another scheme"),
        pytest.param(asked(authorization="Bearer "), id="no token"),
        pytest.param(asked(origin="https://elsewhere.test"), id="another origin"),
        pytest.param(asked(content_length="2"), id="a body"),
        pytest.param(asked(transfer_encoding="chunked"), id="a body in chunks"),
    ],
)
async def test_an_unusual_request_is_left_to_fastapi(scope: dict[str, object]) -> None:
    assert await is_plain(asked())
    assert not await is_plain(scope)


async def test_two_tokens_are_left_to_fastapi() -> None:
    scope = asked()
    scope["headers"] = [(b"authorization", b"Bearer x"), (b"authorization", b"Bearer y")]

    assert not await is_plain(scope)


def posted(**headers: str) -> dict[str, object]:
    given = {"content_type": "application/json", "content_length": str(len(BODY)), **headers}
    return asked(method="POST", **given)


@pytest.mark.parametrize(
    "scope",
    [
        pytest.param(posted(content_type="text/plain"), id="another type"),
        pytest.param(posted(content_type="application/json; charset=utf-8"), id="a charset"),
        pytest.param(posted(content_length="262145"), id="too long"),
        pytest.param(posted(content_length="9" * 5_000), id="a number too long"),
        pytest.param(posted(content_length="+12"), id="no number"),
        pytest.param(posted(transfer_encoding="chunked"), id="chunks"),
        pytest.param(posted(origin="https://elsewhere.test"), id="another origin"),
        pytest.param(posted(authorization="Bearer "), id="no token"),
        pytest.param(posted() | {"query_string": b"a=1"}, id="a parameter"),
        pytest.param(posted() | {"path": "/rooms/den/read"}, id="another path"),
    ],
)
async def test_an_unusual_message_is_left_to_fastapi_unread(scope: dict[str, object]) -> None:
    assert await is_plain(posted(), {"type": "http.request", "body": BODY})
    assert not await is_plain(scope)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "http.request", "body": BODY[:5], "more_body": True},
        {"type": "http.request", "body": b"{}", "more_body": False},
        {"type": "http.disconnect"},
    ],
    ids=["a part", "no message", "a disconnect"],
)
async def test_what_was_read_of_a_body_is_read_again_by_fastapi(message: dict[str, Any]) -> None:
    received = [message, {"type": "http.disconnect"}]

    plain, receive = await plain_request(posted(), lambda: answered(received.pop(0)))

    assert plain is None
    assert await receive() == message
    assert await receive() == {"type": "http.disconnect"}


@pytest.mark.parametrize("key", ["", "k" * 65, "é"])
async def test_a_wrong_key_is_left_to_fastapi(key: str) -> None:
    message = {"type": "http.request", "body": BODY}

    assert await is_plain(posted(idempotency_key="k"), message)
    assert not await is_plain(posted(idempotency_key=key), message)


async def test_an_unexpected_error_is_logged_and_answered(
    gated: GatedDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_server(gated) as server:
        await open_env(server)
        bo = await server.person("bo")
        gated.fails_with = ZeroDivisionError()
        answer = await bo.http.get(PATH)
        gated.fails_with = None

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert [r.getMessage() for r in caplog.records if r.name == fast_path.log.name] == [
        "request.failed"
    ]


async def test_concurrent_requests_share_a_page(env: Server) -> None:
    pages = env.runtime.messages.message_pages
    people = [await env.person(name) for name in ("ana", "eve", "bo")]

    first, refused, second = await asyncio.gather(
        *(pages.get(person.user, "den", limit=5) for person in people),
        return_exceptions=True,
    )

    assert isinstance(first, bytes)
    assert first is second
    assert isinstance(refused, RoomNotFound)
