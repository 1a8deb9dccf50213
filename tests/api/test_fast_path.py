"""A page of messages is the same page, whichever way the request goes."""

import asyncio

import pytest
from httpx2 import Response

from app.api import fast_path as short_way
from app.api.fast_path import plain_request
from app.domain.errors import RoomNotFound
from tests.api.den import open_den, says
from tests.harness.server import Server

PATH = "/rooms/den/messages"

# The endpoint's own way: a page of another origin asks.
LONG_WAY = {"Origin": "https://elsewhere.test"}


@pytest.fixture
async def den(server: Server) -> Server:
    """A private room, where something was said."""
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
async def test_the_short_way_answers_as_the_long_one(den: Server, query: str, who: str) -> None:
    person = await den.person(who)

    short = await person.http.get(PATH + query)
    long = await person.http.get(PATH + query, headers=LONG_WAY)

    assert shown(short) == shown(long)


@pytest.mark.parametrize(
    "token", ["x", "a.b.c", "%00", "eyJhbGciOiJub25lIn0.e30."], ids=["x", "dots", "odd", "none"]
)
async def test_a_token_that_is_not_ours_is_refused_either_way(den: Server, token: str) -> None:
    bearer = {"Authorization": f"Bearer {token}"}

    short = await den.client.get(PATH, headers=bearer)
    long = await den.client.get(PATH, headers=bearer | LONG_WAY)

    assert short.status_code == 401
    assert shown(short) == shown(long)


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
        pytest.param(asked(PATH + "?limt=3"), id="a parameter that there is not"),
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
def test_what_is_odd_goes_the_long_way(scope: dict[str, object]) -> None:
    assert plain_request(asked()) is not None
    assert plain_request(scope) is None


def test_two_tokens_go_the_long_way() -> None:
    scope = asked()
    scope["headers"] = [(b"authorization", b"Bearer x"), (b"authorization", b"Bearer y")]

    assert plain_request(scope) is None


async def test_a_fault_of_ours_is_logged_and_told(
    den: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bo = await den.person("bo")

    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(den.runtime.messages.message_pages, "get", broken)
    answer = await bo.http.get(PATH)

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert [r.getMessage() for r in caplog.records if r.name == short_way.log.name] == [
        "request.failed"
    ]


async def test_those_who_ask_at_the_same_moment_share_a_page(den: Server) -> None:
    pages = den.runtime.messages.message_pages
    people = [await den.person(name) for name in ("ana", "eve", "bo")]

    first, refused, second = await asyncio.gather(
        *(pages.get(person.user, "den", limit=5) for person in people),
        return_exceptions=True,
    )

    assert isinstance(first, bytes)
    assert first is second
    assert isinstance(refused, RoomNotFound)
