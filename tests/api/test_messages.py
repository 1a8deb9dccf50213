"""Messages over HTTP."""

import asyncio
from math import ceil
from typing import Any

import pytest

from app.domain.appends import Ban, Mute, Remove, UpdateRoom
from app.domain.limits import MAX_TEXT_CHARACTERS
from app.domain.roles import Kind
from app.store.database import Database
from app.wire.message_bodies import EditsAnswer, MessageAnswer, MessagesAnswer
from tests.api.env import ROOM, open_env, request, send_message
from tests.api.people import code, fields
from tests.harness.server import Server, open_server


@pytest.fixture
async def env(server: Server) -> Server:
    """A private room."""
    await open_env(server)
    return server


# Sending


async def test_a_message_is_sent(env: Server) -> None:
    answer = await request(
        env, "bo", "POST", "/messages", json={"text": " hi _@moe_.See @eve ", "data": {"a": [1]}}
    )

    assert (answer.status_code, answer.headers["location"]) == (201, "/rooms/den/messages/5")
    assert answer.headers["cache-control"] == "no-store"
    message = answer.json()
    MessageAnswer.model_validate(message)
    assert message == {
        "room": "den",
        "seq": 5,
        "at": message["at"],
        "by": "bo",
        "text": " hi _@moe_.See @eve ",
        "data": {"a": [1]},
        "reply_to": None,
        "edited_at": None,
        "deleted_at": None,
        "pinned": False,
        "reactions": {},
        "mentions": ["moe"],
        "replies": {"count": 0, "last_seq": None},
    }
    assert (await request(env, "moe", "GET", "/messages/5")).json() == message


@pytest.mark.parametrize(
    "message",
    [
        {"text": "hi"},
        {"text": "hi @nobody @Moe", "reply_to": 5},
        {"text": "hi @all"},
        {
            "text": "\n\U0001f44d ",
            "data": {"n": 1.0, "big": 2**53, "deep": {"é": [None, True, -0.0]}},
        },
    ],
    ids=["text", "mentions", "everyone", "data"],
)
async def test_a_new_message_is_answered_as_it_was_stored(
    env: Server, message: dict[str, Any]
) -> None:
    await send_message(env, "moe")
    await send_message(env, "ana", "an answer", reply_to=5)

    sent = await request(env, "ana", "POST", "/messages", json=message, key="k")

    assert sent.status_code == 201
    stored = await request(env, "bo", "GET", "/messages/7")
    assert sent.content == stored.content


async def test_subscribers_receive_the_message(env: Server) -> None:
    moe = await env.joins("moe", "den")

    await request(env, "bo", "POST", "/messages", json={"text": "hi"}, key="k1")

    heard = await moe.hears("message.created")
    assert (heard["seq"], heard["text"], heard["by"], heard["id"]) == (5, "hi", "bo", "k1")


async def test_a_retry_returns_the_current_message(env: Server) -> None:
    first = await request(env, "bo", "POST", "/messages", json={"text": "hi"}, key="k")
    await request(env, "moe", "PUT", "/messages/5/pin")

    again = await request(env, "bo", "POST", "/messages", json={"text": "hi"}, key="k")

    assert (first.status_code, again.status_code) == (201, 200)
    assert "location" not in again.headers
    assert again.json() == {**first.json(), "pinned": True}
    other = await request(env, "bo", "POST", "/messages", json={"text": "ho"}, key="k")
    assert code(other) == (409, "id_reused")


async def test_the_key_is_the_id_of_a_websocket_request(env: Server) -> None:
    bo = await env.joins("bo", "den")
    ack = await bo.ask("send", id="k", text="hi")

    again = await request(env, "bo", "POST", "/messages", json={"text": "hi"}, key="k")

    assert (again.status_code, again.json()["seq"]) == (200, ack["seq"])


async def test_concurrent_retries_are_stored_once(env: Server) -> None:
    answers = await asyncio.gather(
        *(request(env, "bo", "POST", "/messages", json={"text": "hi"}, key="k") for _ in range(20))
    )

    assert sorted(a.status_code for a in answers) == [200] * 19 + [201]
    assert {a.json()["seq"] for a in answers} == {5}


@pytest.mark.parametrize("change", [Ban, Remove])
async def test_a_retry_after_losing_access_shows_no_later_change(env: Server, change: Any) -> None:
    await request(env, "bo", "POST", "/messages", json={"text": "hi @moe"}, key="k")
    await send_message(env, "moe", "yes", reply_to=5)
    await request(env, "moe", "PUT", "/messages/5/reactions/👍")
    await request(env, "moe", "PUT", "/messages/5/pin")
    bo = (await env.person("bo")).user
    await env.append(change, "den", by="ana", user=bo, **({"on": True} if change is Ban else {}))

    again = await request(env, "bo", "POST", "/messages", json={"text": "hi @moe"}, key="k")

    assert again.status_code == 200
    message = again.json()
    assert (message["seq"], message["text"]) == (5, "hi @moe")
    assert (message["reactions"], message["pinned"]) == ({}, False)
    assert (message["mentions"], message["replies"]["count"]) == ([], 0)
    assert code(await request(env, "bo", "GET", "/messages/5")) == (404, "room_not_found")
    fresh = await request(env, "bo", "POST", "/messages", json={"text": "hi"}, key="k2")
    assert code(fresh) == (404, "room_not_found")


@pytest.mark.parametrize(
    "key", ["", "k" * 65, "caf\xe9", "a\tb", "\x7f"], ids=["empty", "long", "accent", "tab", "del"]
)
async def test_a_key_is_a_few_printable_ascii_characters(env: Server, key: str) -> None:
    person = await env.person("bo")

    answer = await person.http.post(
        f"{ROOM}/messages",
        json={"text": "hi"},
        headers=[(b"Idempotency-Key", key.encode("latin-1"))],
    )

    assert fields(answer) == ["Idempotency-Key"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": " \n\t "}, "text"),
        ({"text": None}, "text"),
        ({"text": 1}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"text": "x" * (MAX_TEXT_CHARACTERS + 1)}, "text"),
        ({"text": "hi", "reply_to": 0}, "reply_to"),
        ({"text": "hi", "reply_to": "4"}, "reply_to"),
        ({"text": "hi", "reply_to": True}, "reply_to"),
        ({"text": "hi", "reply_to": 2**32}, "reply_to"),
        ({"text": "hi", "data": []}, "data"),
        ({"text": "hi", "data": "x"}, "data"),
        ({"text": "hi", "data": {"x": "y" * 5_000}}, "data"),
        ({"text": "hi", "id": "k"}, "id"),
        ({"text": "hi", "room": "den"}, "room"),
    ],
)
async def test_an_invalid_message_names_the_field(
    env: Server, body: dict[str, Any], field: str
) -> None:
    assert fields(await request(env, "bo", "POST", "/messages", json=body)) == [field]
    assert (await request(env, "bo", "GET", "/messages")).json()["head"] == 4


@pytest.mark.parametrize(
    "body",
    [
        b'{"text": "\\ud800"}',
        b'{"text":"hi","data":{"a":NaN}}',
        b'{"text":"hi","data":{"a":1e999}}',
    ],
)
async def test_text_and_numbers_outside_json_are_refused(env: Server, body: bytes) -> None:
    person = await env.person("bo")

    answer = await person.http.post(
        f"{ROOM}/messages", content=body, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code in (400, 422)


async def test_the_longest_text_is_stored_unchanged(env: Server) -> None:
    text = "👍" * MAX_TEXT_CHARACTERS

    seq = await send_message(env, "bo", text)

    assert (await request(env, "moe", "GET", f"/messages/{seq}")).json()["text"] == text


async def test_http_and_websocket_share_the_users_rate_limit(database: Database) -> None:
    # So slow that none comes back during the test, however long it takes.
    limits = {"messages": {"sends_per_second": 0.001, "send_burst": 3}}
    async with open_server(database, limits=limits) as server:
        await open_env(server)
        bo = await server.joins("bo", "den")
        await bo.ask("send", text="one")
        seq = await send_message(server, "bo", "two")
        await request(server, "bo", "PATCH", f"/messages/{seq}", json={"text": "three"})

        for method, path in (
            ("POST", "/messages"),
            ("PATCH", f"/messages/{seq}"),
            ("DELETE", f"/messages/{seq}"),
            ("PUT", f"/messages/{seq}/reactions/👍"),
            ("DELETE", f"/messages/{seq}/reactions/👍"),
            ("PUT", f"/messages/{seq}/pin"),
            ("DELETE", f"/messages/{seq}/pin"),
        ):
            body = {"json": {"text": "x"}} if method in ("POST", "PATCH") else {}
            answer = await request(server, "bo", method, path, **body)
            assert code(answer) == (429, "rate_limited")
            wait = answer.json()["retry_after"]
            assert 0 < wait <= 1_000
            assert answer.headers["retry-after"] == str(ceil(wait))
        assert (await request(server, "bo", "GET", "/messages")).status_code == 200
        await send_message(server, "moe")


async def test_slow_mode_reports_the_wait(env: Server) -> None:
    await env.append(UpdateRoom, "den", by="ana", slow_mode_seconds=60)
    await send_message(env, "bo")

    answer = await request(env, "bo", "POST", "/messages", json={"text": "again"})

    assert code(answer) == (429, "slow_mode")
    assert 58 < answer.json()["retry_after"] <= 60


async def test_a_muted_member_cannot_send(env: Server) -> None:
    bo = (await env.person("bo")).user
    await env.append(Mute, "den", by="ana", user=bo, on=True)

    answer = await request(env, "bo", "POST", "/messages", json={"text": "hi"})

    assert code(answer) == (403, "muted")


# Reading


async def test_messages_are_paged_from_both_ends(env: Server) -> None:
    for number in range(7):
        await send_message(env, "bo", str(number))
    back: list[int] = []
    forth: list[int] = []

    page = (await request(env, "moe", "GET", "/messages?limit=3")).json()
    MessagesAnswer.model_validate(page)
    assert page["has_newer"] is False
    while True:
        back[:0] = [message["seq"] for message in page["messages"]]
        if not page["has_older"]:
            break
        page = (await request(env, "moe", "GET", f"/messages?before={back[0]}&limit=3")).json()
    page = (await request(env, "moe", "GET", "/messages?after=0&limit=3")).json()
    while True:
        forth += [message["seq"] for message in page["messages"]]
        if not page["has_newer"]:
            break
        page = (await request(env, "moe", "GET", f"/messages?after={forth[-1]}&limit=3")).json()

    assert back == forth == list(range(5, 12))
    assert (page["head"], page["first"]) == (11, 1)
    around = (await request(env, "moe", "GET", "/messages?around=8&limit=4")).json()
    assert [m["seq"] for m in around["messages"]] == [6, 7, 8, 9]


async def test_a_page_shows_deleted_messages_without_their_text(env: Server) -> None:
    seq = await send_message(env, "bo", "secret", data={"a": "secret"})
    await request(env, "bo", "PATCH", f"/messages/{seq}", json={"text": "secret still"})
    await request(env, "moe", "PUT", f"/messages/{seq}/reactions/👍")
    await request(env, "bo", "DELETE", f"/messages/{seq}")

    page = await request(env, "moe", "GET", "/messages")

    (message,) = page.json()["messages"]
    assert "secret" not in page.text
    assert message["text"] is None
    assert message["deleted_at"] is not None
    assert (message["reactions"], message.get("data")) == ({}, None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("before=1&after=2", "before"),
        ("before=1&around=2", "before"),
        ("after=1&around=2", "before"),
        ("before=-1", "before"),
        ("after=x", "after"),
        ("around=1.5", "around"),
        (f"before={2**53}", "before"),
        ("after=" + "9" * 5_000, "after"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=5.0", "limit"),
        ("before=144.0", "before"),
        ("after=%2B5", "after"),
        ("around=1_0", "around"),
        ("limit=%205", "limit"),
        ("limit=٥", "limit"),
        ("limit=5&limit=6", "limit"),
        ("limt=5", "limt"),
    ],
)
async def test_a_wrong_parameter_is_named(env: Server, query: str, field: str) -> None:
    assert fields(await request(env, "bo", "GET", f"/messages?{query}")) == [field]


async def test_a_page_beyond_the_end_is_empty(env: Server) -> None:
    await env.room("next", owner="ana")
    await send_message(env, "bo")

    page = (await request(env, "bo", "GET", f"/messages?after={2**53 - 1}")).json()

    assert (page["messages"], page["has_older"], page["has_newer"]) == ([], True, False)


@pytest.mark.parametrize("seq", ["0", "-1", "x", str(2**32), "9" * 400])
async def test_an_invalid_seq_names_the_field(env: Server, seq: str) -> None:
    assert fields(await request(env, "bo", "GET", f"/messages/{seq}")) == ["seq"]


@pytest.mark.parametrize("seq", [1, 2, 99])
@pytest.mark.parametrize("rest", ["", "/edits", "/replies"])
async def test_the_seq_of_another_event_is_not_found(env: Server, seq: int, rest: str) -> None:
    answer = await request(env, "bo", "GET", f"/messages/{seq}{rest}")

    assert code(answer) == (404, "message_not_found")


# Editing and deleting


async def test_a_message_is_edited(env: Server) -> None:
    seq = await send_message(env, "bo", "hi @moe")

    answer = await request(env, "bo", "PATCH", f"/messages/{seq}", json={"text": "hi @ana"})

    message = answer.json()
    assert (answer.status_code, message["text"], message["mentions"]) == (200, "hi @ana", ["ana"])
    assert message["edited_at"] is not None
    same = await request(env, "bo", "PATCH", f"/messages/{seq}", json={"text": "hi @ana"})
    assert (same.status_code, same.json()) == (200, message)
    assert (await request(env, "bo", "GET", "/messages")).json()["head"] == seq + 1


async def test_a_late_retry_of_an_edit_does_not_undo_a_newer_one(env: Server) -> None:
    seq = await send_message(env, "bo", "one")
    for text, key in (("two", "k2"), ("three", "k3")):
        await request(env, "bo", "PATCH", f"/messages/{seq}", json={"text": text}, key=key)

    late = await request(env, "bo", "PATCH", f"/messages/{seq}", json={"text": "two"}, key="k2")

    assert (late.status_code, late.json()["text"]) == (200, "three")


@pytest.mark.parametrize("who", ["moe", "ana"])
async def test_only_the_author_edits_a_message(env: Server, who: str) -> None:
    seq = await send_message(env, "bo")

    answer = await request(env, who, "PATCH", f"/messages/{seq}", json={"text": "mine"})

    assert code(answer) == (403, "forbidden")


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "x", "data": {}}])
async def test_an_invalid_edit_is_refused(env: Server, body: dict[str, Any]) -> None:
    seq = await send_message(env, "bo")

    assert fields(await request(env, "bo", "PATCH", f"/messages/{seq}", json=body))


@pytest.mark.parametrize("who", ["bo", "moe", "ana"])
async def test_the_author_and_moderators_delete_a_message(env: Server, who: str) -> None:
    seq = await send_message(env, "bo")

    for _ in range(2):
        answer = await request(env, who, "DELETE", f"/messages/{seq}")
        assert (answer.status_code, answer.content) == (204, b"")

    page = (await request(env, "bo", "GET", "/messages")).json()
    assert page["head"] == seq + 1
    edit = await request(env, "bo", "PATCH", f"/messages/{seq}", json={"text": "back"})
    assert code(edit) == (409, "conflict")


async def test_a_member_cannot_delete_the_messages_of_others(env: Server) -> None:
    seq = await send_message(env, "moe")

    assert code(await request(env, "bo", "DELETE", f"/messages/{seq}")) == (403, "forbidden")
    assert code(await request(env, "bo", "DELETE", "/messages/99")) == (404, "message_not_found")


async def test_earlier_versions_are_for_the_author_and_moderators(env: Server) -> None:
    seq = await send_message(env, "bo", "one")
    before = await request(env, "bo", "GET", f"/messages/{seq}/edits")
    for text in ("two", "three", "four"):
        await request(env, "bo", "PATCH", f"/messages/{seq}", json={"text": text})

    for who in ("bo", "moe", "ana"):
        answer = await request(env, who, "GET", f"/messages/{seq}/edits")
        EditsAnswer.model_validate(answer.json())
        assert [edit["text"] for edit in answer.json()["edits"]] == ["one", "two", "three"]
    assert before.json() == {"edits": [], "next": None}
    await env.admit("den", "cy", by="ana")
    other = await request(env, "cy", "GET", f"/messages/{seq}/edits")
    assert code(other) == (403, "forbidden")

    page = (await request(env, "bo", "GET", f"/messages/{seq}/edits?limit=2")).json()
    rest = await request(env, "bo", "GET", f"/messages/{seq}/edits?limit=2&after={page['next']}")
    assert [edit["text"] for edit in page["edits"]] == ["one", "two"]
    assert [edit["text"] for edit in rest.json()["edits"]] == ["three"]
    assert rest.json()["next"] is None

    await request(env, "bo", "DELETE", f"/messages/{seq}")
    gone = await request(env, "bo", "GET", f"/messages/{seq}/edits")
    assert gone.json() == {"edits": [], "next": None}


# Replies


async def test_replies_are_listed_and_counted(env: Server) -> None:
    seq = await send_message(env, "bo", "who comes?")
    replies = [await send_message(env, who, "me", reply_to=seq) for who in ("moe", "ana", "moe")]
    await request(env, "bo", "PUT", f"/messages/{seq}/pin")
    await request(env, "moe", "DELETE", f"/messages/{replies[2]}")

    page = (await request(env, "moe", "GET", f"/messages/{seq}/replies?limit=2")).json()
    rest = (await request(env, "moe", "GET", f"/messages/{seq}/replies?after={replies[1]}")).json()

    MessagesAnswer.model_validate(page)
    assert [m["seq"] for m in page["messages"]] == replies[:2]
    assert [m["reply_to"] for m in page["messages"]] == [seq, seq]
    assert (page["has_older"], page["has_newer"]) == (False, True)
    assert [m["text"] for m in rest["messages"]] == [None]
    parent = (await request(env, "moe", "GET", f"/messages/{seq}")).json()
    assert parent["replies"] == {"count": 2, "last_seq": replies[1]}


async def test_a_reply_needs_an_existing_message(env: Server) -> None:
    seq = await send_message(env, "bo")
    await request(env, "bo", "DELETE", f"/messages/{seq}")

    deleted = await request(env, "bo", "POST", "/messages", json={"text": "x", "reply_to": seq})
    missing = await request(env, "bo", "POST", "/messages", json={"text": "x", "reply_to": 99})

    assert code(deleted) == (409, "conflict")
    assert code(missing) == (404, "message_not_found")


# Permissions

PATHS = [
    ("GET", "/messages"),
    ("GET", "/messages/5"),
    ("GET", "/messages/99"),
    ("GET", "/messages/5/edits"),
    ("GET", "/messages/5/replies"),
    ("GET", "/pins"),
    ("GET", "/events"),
    ("GET", "/events?wait=5&since=5"),
    ("GET", "/events?since=99"),
    ("POST", "/messages"),
    ("PATCH", "/messages/5"),
    ("PATCH", "/messages/99"),
    ("DELETE", "/messages/5"),
    ("DELETE", "/messages/99"),
    ("PUT", "/messages/5/reactions/👍"),
    ("DELETE", "/messages/5/reactions/👍"),
    ("PUT", "/messages/5/pin"),
    ("DELETE", "/messages/5/pin"),
]


def body_of(method: str) -> dict[str, Any]:
    return {"json": {"text": "x"}} if method in ("POST", "PATCH") else {}


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_a_private_room_is_hidden_from_others(env: Server, method: str, path: str) -> None:
    await send_message(env, "bo")
    await env.append(Ban, "den", by="ana", user=(await env.person("bo")).user, on=True)
    nowhere = await (await env.person("eve")).http.request(
        method, f"/rooms/nowhere{path}", **body_of(method)
    )

    for who in ("eve", "bo"):
        answer = await request(env, who, method, path, **body_of(method))
        assert code(answer) == (404, "room_not_found")
        assert answer.json() == nowhere.json()
    assert code(await env.client.request(method, ROOM + path, **body_of(method))) == (
        401, "unauthorized",
    )  # fmt: skip


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_a_public_room_is_readable_by_all_and_writable_by_members(
    server: Server, method: str, path: str
) -> None:
    await open_env(server, Kind.PUBLIC)
    await send_message(server, "bo")
    await server.append(Ban, "den", by="ana", user=(await server.person("bo")).user, on=True)

    eve = await request(server, "eve", method, path.replace("wait=5", "wait=0"), **body_of(method))
    banned = await request(server, "bo", method, path, **body_of(method))

    assert code(banned) == (403, "banned")
    if method != "GET" or path.endswith("/edits"):
        assert code(eve) == (403, "forbidden")
    elif "99" not in path:
        assert eve.status_code == 200


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_an_archived_room_is_read_only(env: Server, method: str, path: str) -> None:
    await send_message(env, "bo")
    await env.append(UpdateRoom, "den", by="ana", archived=True)

    answer = await request(env, "bo", method, path.replace("wait=5", "wait=0"), **body_of(method))

    if method != "GET":
        assert code(answer) == (403, "forbidden")
    elif "99" not in path:
        assert answer.status_code == 200


async def test_room_names_are_case_insensitive(env: Server) -> None:
    bo = (await env.person("bo")).http

    answer = await bo.post("/rooms/DEN/messages", json={"text": "hi"})

    assert answer.json()["room"] == "den"
    assert answer.headers["location"] == "/rooms/den/messages/5"
    assert (await bo.get("/rooms/Den/messages")).json()["messages"] == [answer.json()]
