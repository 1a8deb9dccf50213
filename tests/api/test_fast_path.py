"""A page of messages is the same through the fast path and through FastAPI."""

import asyncio

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
def test_an_unusual_request_is_left_to_fastapi(scope: dict[str, object]) -> None:
    assert plain_request(asked()) is not None
    assert plain_request(scope) is None


def test_two_tokens_are_left_to_fastapi() -> None:
    scope = asked()
    scope["headers"] = [(b"authorization", b"Bearer x"), (b"authorization", b"Bearer y")]

    assert plain_request(scope) is None


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
