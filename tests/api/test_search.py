"""Search over HTTP."""

from typing import Any

import pytest

from app.domain.appends import Ban, Send
from app.domain.roles import Kind
from app.wire.message_bodies import SearchAnswer
from tests.api.den import ask, open_den, says
from tests.api.people import code, fields
from tests.harness.server import Server


async def finds(server: Server, who: str, q: str, **query: Any) -> list[tuple[str, str]]:
    """Room and snippet of what somebody finds."""
    person = await server.person(who)
    answer = await person.http.get("/search", params={"q": q, **query})
    assert answer.status_code == 200, answer.text
    SearchAnswer.model_validate(answer.json())
    return [(found["room"], found["snippet"]) for found in answer.json()["messages"]]


@pytest.fixture
async def den(server: Server) -> Server:
    """A private den and a public hall, where the same was said."""
    await open_den(server, Kind.PRIVATE)
    await server.room("hall", owner="ana", members=["moe"])
    for room in ("den", "hall"):
        await server.append(Send, room, by="moe", text=f"Shall we go? In the {room}.")
    return server


async def test_one_finds_what_one_may_read(den: Server) -> None:
    both = [("hall", "Shall we «go»? In the hall."), ("den", "Shall we «go»? In the den.")]

    assert await finds(den, "bo", "go") == both
    assert await finds(den, "eve", "go") == both[:1]
    assert await finds(den, "bo", "go", room="den") == both[1:]
    assert await finds(den, "eve", "den") == []


async def test_whoever_leaves_finds_nothing_more(den: Server) -> None:
    bo = (await den.person("bo")).user
    await den.append(Ban, "den", by="ana", user=bo, on=True)
    await den.append(Ban, "hall", by="ana", user=bo, on=True)

    assert await finds(den, "bo", "go") == []
    http = (await den.person("bo")).http
    assert code(await http.get("/search?q=go&room=hall")) == (403, "banned")
    for room in ("den", "nowhere", "..", "%00"):
        answer = await http.get(f"/search?q=go&room={room}")
        assert code(answer) == (404, "room_not_found")


async def test_a_ban_that_is_over_hides_nothing(den: Server) -> None:
    bo = (await den.person("bo")).user
    until = den.clock() + 1_000
    await den.append(Ban, "hall", by="ana", user=bo, on=True, until=until)
    assert await finds(den, "bo", "hall") == []

    den.clock.pass_time(seconds=2)

    assert len(await finds(den, "bo", "hall")) == 1


async def test_what_was_edited_or_deleted_is_not_found(den: Server) -> None:
    first, second = await says(den, "bo", "the secret"), await says(den, "bo", "the secret")

    await ask(den, "bo", "PATCH", f"/messages/{first}", json={"text": "nothing to see"})
    await ask(den, "bo", "DELETE", f"/messages/{second}")

    assert await finds(den, "moe", "secret") == []
    assert await finds(den, "moe", "see") == [("den", "nothing to «see»")]


async def test_what_changes_in_one_batch_is_found_as_it_ends(den: Server) -> None:
    line = await den.joins("bo", "den")
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
    assert await finds(den, "bo", "first") == await finds(den, "bo", "gone") == []
    assert await finds(den, "bo", "then") == [("den", "«then»")]


async def test_only_what_somebody_said(den: Server) -> None:
    await says(den, "bo", "go now")

    assert await finds(den, "moe", "go", by="BO") == [("den", "«go» now")]
    assert len(await finds(den, "moe", "go", by="moe")) == 2
    assert await finds(den, "moe", "go", by="ana") == []
    http = (await den.person("moe")).http
    assert code(await http.get("/search?q=go&by=nobody")) == (404, "user_not_found")


async def test_pages_go_on_where_the_last_one_ended(den: Server) -> None:
    for number in range(5):
        await says(den, "bo", f"word {number}")
    http = (await den.person("moe")).http
    seen: list[str] = []

    page = (await http.get("/search?q=word&limit=2")).json()
    while True:
        seen += [found["text"] for found in page["messages"]]
        if page["next"] is None:
            break
        await says(den, "bo", "a newer word")
        page = (
            await http.get("/search", params={"q": "word", "limit": 2, "before": page["next"]})
        ).json()

    assert seen == ["word 4", "word 3", "word 2", "word 1", "word 0"]


async def test_a_page_goes_on_from_a_message_that_was_deleted(den: Server) -> None:
    seqs = [await says(den, "bo", "word") for _ in range(3)]
    http = (await den.person("bo")).http
    page = (await http.get("/search?q=word&limit=1")).json()
    await ask(den, "bo", "DELETE", f"/messages/{seqs[2]}")

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
async def test_a_wrong_parameter_is_named(den: Server, query: str, field: str) -> None:
    http = (await den.person("bo")).http

    assert fields(await http.get(f"/search?{query}")) == [field]


@pytest.mark.parametrize(
    "query", ['"', "AND", "*", "(", "x:y", "-a", "%00", "%ff", "%F0%9F%91", "'; --", "a+" * 16]
)
async def test_any_text_is_a_query(den: Server, query: str) -> None:
    http = (await den.person("bo")).http

    answer = await http.get(f"/search?q={query}")

    assert (answer.status_code, answer.json()) == (200, {"messages": [], "next": None})


async def test_nobody_finds_anything(den: Server) -> None:
    assert code(await den.client.get("/search?q=go")) == (401, "unauthorized")
