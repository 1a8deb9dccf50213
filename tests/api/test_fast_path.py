"""The fast path answers as the endpoint does, or leaves the request to it."""

import asyncio

import pytest
from httpx2 import Response

from app.api.fast_path import plain_request
from app.domain.errors import RoomNotFound
from tests.api.den import open_den, says
from tests.harness.databases import GatedDatabase
from tests.harness.server import Server, open_server

PATH = "/rooms/den/messages"

# A header that keeps a request off the fast path.
BY_ENDPOINT = {"Origin": "https://elsewhere.test"}


@pytest.fixture
async def den(server: Server) -> Server:
    """A private room with messages."""
    await open_den(server)
    for number in range(12):
        await says(server, "ana", f"message {number} @bo")
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
async def test_the_fast_path_answers_as_the_endpoint(den: Server, query: str, who: str) -> None:
    person = await den.person(who)

    fast = await person.http.get(PATH + query)
    slow = await person.http.get(PATH + query, headers=BY_ENDPOINT)

    assert shown(fast) == shown(slow)


@pytest.mark.parametrize(
    "token", ["x", "a.b.c", "%00", "eyJhbGciOiJub25lIn0.e30."], ids=["x", "dots", "odd", "none"]
)
async def test_an_invalid_token_is_refused_as_by_the_endpoint(den: Server, token: str) -> None:
    bearer = {"Authorization": f"Bearer {token}"}

    fast = await den.client.get(PATH, headers=bearer)
    slow = await den.client.get(PATH, headers=bearer | BY_ENDPOINT)

    assert fast.status_code == 401
    assert shown(fast) == shown(slow)


async def test_a_log_in_that_has_ended_is_refused(den: Server) -> None:
    bo = await den.person("bo")
    den.clock.pass_time(seconds=400 * 24 * 3600)

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
        pytest.param(asked(PATH + "?limit=3&limit=4"), id="a parameter twice"),
        pytest.param(asked(PATH + "?limit="), id="an empty parameter"),
        pytest.param(asked(PATH + "?limit=0"), id="too small"),
        pytest.param(asked(PATH + "?limit=201"), id="too large"),
        pytest.param(asked(PATH + "?before=-1"), id="below zero"),
        pytest.param(asked(PATH + "?before=1e3"), id="no whole number"),
        pytest.param(asked(PATH + "?before=9999999999999999"), id="beyond the largest integer"),
        pytest.param(asked(PATH + "?&"), id="ampersands"),
        pytest.param(asked(PATH + "/"), id="another path"),
        pytest.param(asked("/rooms/a/b/messages"), id="a longer path"),
        pytest.param(asked("/rooms/dën/messages"), id="an invalid room name"),
        pytest.param(asked(method="POST"), id="another method"),
        pytest.param(asked(method="HEAD"), id="HEAD"),
        pytest.param(asked(authorization="Basic x"), id="another scheme"),
        pytest.param(asked(authorization="Bearer "), id="no token"),
        pytest.param(asked(origin="https://elsewhere.test"), id="another origin"),
        pytest.param(asked(content_length="2"), id="a body"),
        pytest.param(asked(transfer_encoding="chunked"), id="a body in chunks"),
    ],
)
def test_any_other_request_is_left_to_the_endpoint(scope: dict[str, object]) -> None:
    assert plain_request(asked()) is not None
    assert plain_request(scope) is None


def test_two_tokens_are_left_to_the_endpoint() -> None:
    scope = asked()
    scope["headers"] = [(b"authorization", b"Bearer x"), (b"authorization", b"Bearer y")]

    assert plain_request(scope) is None


async def test_a_bug_is_logged_and_answered_with_internal(
    gated: GatedDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_server(gated) as server:
        await open_den(server)
        bo = await server.person("bo")
        gated.fails_with = ZeroDivisionError("a bug")

        answer = await bo.http.get(PATH)

        gated.fails_with = None
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert [r.getMessage() for r in caplog.records if r.name == "parley.http"] == [
        "request.failed"
    ]


async def test_simultaneous_requests_share_a_page(den: Server) -> None:
    pages = den.runtime.messages.message_pages
    people = [await den.person(name) for name in ("ana", "eve", "bo")]

    first, refused, second = await asyncio.gather(
        *(pages.get(person.user, "den", limit=5) for person in people),
        return_exceptions=True,
    )

    assert isinstance(first, bytes)
    assert first is second
    assert isinstance(refused, RoomNotFound)
