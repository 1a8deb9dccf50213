"""Search over HTTP."""

from typing import Any

import pytest

from app.domain.appends import Ban, Send
from app.domain.roles import Kind
from app.wire.message_bodies import SearchAnswer
from tests.api.env import open_env, request, send_message
from tests.api.people import code, fields
from tests.harness.server import Server


async def finds(server: Server, who: str, q: str, **query: Any) -> list[tuple[str, str]]:
    """The room and snippet of each message that a user finds."""
    person = await server.person(who)
    answer = await person.http.get("/search", params={"q": q, **query})
    assert answer.status_code == 200, answer.text
    SearchAnswer.model_validate(answer.json())
    return [(found["room"], found["snippet"]) for found in answer.json()["messages"]]


@pytest.fixture
async def env(server: Server) -> Server:
    """A private and a public room with the same message."""
    await open_env(server, Kind.PRIVATE)
    await server.room("hall", owner="ana", members=["moe"])
    for room in ("den", "hall"):
        await server.append(Send, room, by="moe", text=f"Shall we go? In the {room}.")
    return server


async def test_users_find_only_what_they_may_read(env: Server) -> None:
    both = [("hall", "Shall we «go»? In the hall."), ("den", "Shall we «go»? In the den.")]

    assert await finds(env, "bo", "go") == both
    assert await finds(env, "eve", "go") == both[:1]
    assert await finds(env, "bo", "go", room="den") == both[1:]
    assert await finds(env, "eve", "den") == []


async def test_a_banned_user_finds_nothing(env: Server) -> None:
    bo = (await env.person("bo")).user
    await env.append(Ban, "den", by="ana", user=bo, on=True)
    await env.append(Ban, "hall", by="ana", user=bo, on=True)

    assert await finds(env, "bo", "go") == []
    http = (await env.person("bo")).http
    assert code(await http.get("/search?q=go&room=hall")) == (403, "banned")
    for room in ("den", "nowhere", "..", "%00"):
        answer = await http.get(f"/search?q=go&room={room}")
        assert code(answer) == (404, "room_not_found")


async def test_an_expired_ban_hides_nothing(env: Server) -> None:
    bo = (await env.person("bo")).user
    until = env.clock() + 1_000
    await env.append(Ban, "hall", by="ana", user=bo, on=True, until=until)
    assert await finds(env, "bo", "hall") == []

    env.clock.pass_time(seconds=2)

    assert len(await finds(env, "bo", "hall")) == 1


async def test_edited_and_deleted_text_is_not_found(env: Server) -> None:
    first, second = (
        await send_message(env, "bo", "the secret"),
        await send_message(env, "bo", "the secret"),
    )

    await request(env, "bo", "PATCH", f"/messages/{first}", json={"text": "nothing to see"})
    await request(env, "bo", "DELETE", f"/messages/{second}")

    assert await finds(env, "moe", "secret") == []
    assert await finds(env, "moe", "see") == [("den", "nothing to «see»")]


async def test_changes_of_one_batch_are_indexed_in_their_final_form(env: Server) -> None:
    line = await env.joins("bo", "den")
    seq = (await line.ask("send", text="before"))["seq"] + 1
    sent = [
        await line.sends("send", text="first"),
        await line.sends("edit", ref=seq, text="then"),
        await line.sends("send", text="gone"),
        await line.sends("delete", ref=seq + 2),
        await line.sends("pin", ref=seq, on=True),
    ]
    answers = [await line.answer(id) for id in sent]

    assert [a["type"] for a in answers] == ["ack"] * 5
    assert await finds(env, "bo", "first") == await finds(env, "bo", "gone") == []
    assert await finds(env, "bo", "then") == [("den", "«then»")]


async def test_search_by_author(env: Server) -> None:
    await send_message(env, "bo", "go now")

    assert await finds(env, "moe", "go", by="BO") == [("den", "«go» now")]
    assert len(await finds(env, "moe", "go", by="moe")) == 2
    assert await finds(env, "moe", "go", by="ana") == []
    http = (await env.person("moe")).http
    assert code(await http.get("/search?q=go&by=unknown")) == (404, "user_not_found")


async def test_pages_continue_after_the_previous_one(env: Server) -> None:
    for number in range(5):
        await send_message(env, "bo", f"word {number}")
    http = (await env.person("moe")).http
    seen: list[str] = []

    page = (await http.get("/search?q=word&limit=2")).json()
    while True:
        seen += [found["text"] for found in page["messages"]]
        if page["next"] is None:
            break
        await send_message(env, "bo", "a newer word")
        page = (
            await http.get("/search", params={"q": "word", "limit": 2, "before": page["next"]})
        ).json()

    assert seen == ["word 4", "word 3", "word 2", "word 1", "word 0"]


async def test_a_page_continues_after_a_deleted_message(env: Server) -> None:
    seqs = [await send_message(env, "bo", "word") for _ in range(3)]
    http = (await env.person("bo")).http
    page = (await http.get("/search?q=word&limit=1")).json()
    await request(env, "bo", "DELETE", f"/messages/{seqs[2]}")

    rest = (await http.get("/search", params={"q": "word", "before": page["next"]})).json()

    assert [found["seq"] for found in rest["messages"]] == [seqs[1], seqs[0]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "q"),
        ("q=", "q"),
        ("q=%20%09", "q"),
        (f"q={'a' * 201}", "q"),
        (f"q={'a+' * 17}", "q"),
        ("q=a&limit=0", "limit"),
        ("q=a&limit=201", "limit"),
        ("q=a&before=x", "before"),
        ("q=a&before=WyJzZWFyY2giLDFd", "before"),
        ("q=a&before=WyJzZWFyY2giLCJkZW4iXQ==", "before"),
        ("q=a&before=WyJzZWFyY2giLCJkZW4vMCJd", "before"),
        ("q=a&before=WyJzZWFyY2giLCJub3doZXJlLzEiXQ==", "before"),
        ("q=a&before=WyJ1c2VycyIsImRlbi80Il0=", "before"),
        ("q=a&q=b", "q"),
        ("q=a&after=1", "after"),
    ],
)
async def test_a_wrong_parameter_is_named(env: Server, query: str, field: str) -> None:
    http = (await env.person("bo")).http

    assert fields(await http.get(f"/search?{query}")) == [field]


@pytest.mark.parametrize(
    "query", ['"', "AND", "*", "(", "x:y", "-a", "%00", "%ff", "%F0%9F%91", "'; --", "a+" * 16]
)
async def test_any_text_is_a_query(env: Server, query: str) -> None:
    http = (await env.person("bo")).http

    answer = await http.get(f"/search?q={query}")

    assert (answer.status_code, answer.json()) == (200, {"messages": [], "next": None})


async def test_search_needs_an_access_token(env: Server) -> None:
    assert code(await env.client.get("/search?q=go")) == (401, "unauthorized")
