"""A cursor belongs to its list and to one history, on every way that it is sent."""

import pytest

from tests.api.env import open_env, request, send_message
from tests.api.people import code, fields
from tests.harness.server import Server

LISTS = {
    "users": "/users?limit=1",
    "rooms": "/rooms?limit=1",
    "members": "/rooms/den/members?limit=1",
    "search": "/search?q=word&limit=1",
    "edits": "/rooms/den/messages/5/edits?limit=1",
    "accounts": "/admin/users?limit=1",
    "all-rooms": "/admin/rooms?limit=1",
}

NUMBERED = (
    "/messages?before=6",
    "/messages?after=1",
    "/messages?around=5",
    "/messages?limit=1",
    "/messages/5/replies?after=5",
    "/pins?before=6",
    "/events?since=4",
    "/events?since=6&wait=1",
)


@pytest.fixture
async def env(server: Server) -> Server:
    """Two of everything that is listed, the first message edited twice."""
    await open_env(server)
    for text in ("a word", "another word"):
        await send_message(server, "bo", text)
    for text in ("one word", "two word"):
        await request(server, "bo", "PATCH", "/messages/5", json={"text": text})
    return server


@pytest.mark.parametrize("path", LISTS.values(), ids=LISTS.keys())
async def test_the_cursor_of_a_list_is_of_one_history(env: Server, path: str) -> None:
    person = await env.person("ada", is_admin=True) if "admin" in path else None
    reader = person or await env.person("bo")
    cursor = (await reader.http.get(path)).json()["next"]
    parameter = "before" if "search" in path else "after"
    assert (await reader.http.get(f"{path}&{parameter}={cursor}")).status_code == 200

    await env.runtime.admin.new_epoch()

    answer = await reader.http.get(f"{path}&{parameter}={cursor}")
    assert fields(answer) == [parameter]


@pytest.mark.parametrize("path", NUMBERED)
async def test_a_seq_is_of_the_history_that_is_given_with_it(env: Server, path: str) -> None:
    epoch = env.runtime.log.epoch.name
    assert (await request(env, "bo", "GET", f"{path}&epoch={epoch}")).status_code == 200

    await env.runtime.admin.new_epoch()

    refused = await request(env, "bo", "GET", f"{path}&epoch={epoch}")
    assert code(refused) == (409, "conflict")
    current = env.runtime.log.epoch.name
    page = (await request(env, "bo", "GET", f"{path}&epoch={current}")).json()
    assert page["epoch"] == current


async def test_an_export_is_of_the_history_that_is_given(env: Server) -> None:
    lines = {"Accept": "application/x-ndjson"}

    answer = await request(env, "bo", "GET", "/events?since=1&epoch=other", headers=lines)

    assert code(answer) == (409, "conflict")


@pytest.mark.parametrize("path", NUMBERED)
async def test_other_histories_reveal_no_room(env: Server, path: str) -> None:
    answer = await request(env, "eve", "GET", f"{path}&epoch=other")

    assert code(answer) == (404, "room_not_found")
