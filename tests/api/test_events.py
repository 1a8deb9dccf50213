"""The log over HTTP: pages, exports and long polling."""

import asyncio
import json

import pytest
import sqlalchemy as sa

from app.domain.appends import Ban, Remove, Send
from app.domain.close_codes import DRAINING, TOKEN_EXPIRED
from app.domain.limits import MAX_WAIT_SECONDS, REPLAY_PAGE_EVENTS
from app.domain.roles import Kind
from app.store.database import Database
from app.wire.message_bodies import EventsAnswer
from tests.api.env import open_env, request, send_message
from tests.api.open_request import OpenRequest, open_request
from tests.api.people import code, fields
from tests.harness.patience import PATIENCE_SECONDS, turns, until
from tests.harness.server import Server, open_server

LINES = "application/x-ndjson"


@pytest.fixture
async def env(server: Server) -> Server:
    """A private room with four events and three messages by bo."""
    await open_env(server)
    for text in ("one", "two", "three"):
        await send_message(server, "bo", text)
    return server


# Pages


async def test_a_page_of_the_log(env: Server) -> None:
    answer = await request(env, "moe", "GET", "/events")

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["vary"] == "Accept"
    page = answer.json()
    EventsAnswer.model_validate(page)
    assert [event["seq"] for event in page["events"]] == list(range(1, 8))
    assert page["events"][0]["type"] == "room.created"
    assert (page["head"], page["first"], page["has_more"]) == (7, 1, False)
    assert page["epoch"] == env.runtime.log.epoch.name


async def test_a_page_equals_the_replay_of_a_websocket(env: Server) -> None:
    await request(env, "bo", "PATCH", "/messages/5", json={"text": "uno"})
    await request(env, "moe", "PUT", "/messages/6/reactions/👍")
    await request(env, "bo", "DELETE", "/messages/7")
    line = await env.joins("moe", "den", since=0)

    page = (await request(env, "moe", "GET", "/events")).json()

    assert page["events"] == line.events


async def test_pages_follow_each_other(env: Server) -> None:
    seen: list[int] = []
    more = True

    while more:
        since = seen[-1] if seen else 0
        page = (await request(env, "moe", "GET", f"/events?since={since}&limit=3")).json()
        seen += [event["seq"] for event in page["events"]]
        more = page["has_more"]

    assert seen == list(range(1, 8))
    end = (await request(env, "moe", "GET", "/events?since=7")).json()
    assert (end["events"], end["has_more"]) == ([], False)


async def test_a_cursor_outside_the_log_is_refused(env: Server) -> None:
    await env.database.write(_forget_before_four)

    assert code(await request(env, "moe", "GET", "/events?since=8")) == (409, "conflict")
    assert code(await request(env, "moe", "GET", "/events?since=2")) == (410, "gone")
    assert code(await request(env, "moe", "GET", "/events")) == (410, "gone")
    kept = (await request(env, "moe", "GET", "/events?since=3")).json()
    assert ([event["seq"] for event in kept["events"]], kept["first"]) == ([4, 5, 6, 7], 4)
    for accept in (LINES, "text/event-stream"):
        for since, said in ((8, (409, "conflict")), (2, (410, "gone"))):
            answer = await request(
                env, "moe", "GET", f"/events?since={since}", headers={"Accept": accept}
            )
            assert code(answer) == said


def _forget_before_four(connection: object) -> None:
    connection.execute(sa.text("UPDATE rooms SET first = 4 WHERE name = 'den'"))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=-1", "since"),
        ("since=x", "since"),
        (f"since={2**53}", "since"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("wait=-1", "wait"),
        (f"wait={MAX_WAIT_SECONDS + 1}", "wait"),
        ("wait=NaN", "wait"),
        ("token=x", "token"),
        ("after=1", "after"),
        ("since=1&since=2", "since"),
    ],
)
async def test_a_wrong_parameter_is_named(env: Server, query: str, field: str) -> None:
    assert fields(await request(env, "moe", "GET", f"/events?{query}")) == [field]


@pytest.mark.parametrize("accept", [LINES, "text/event-stream"])
@pytest.mark.parametrize("query", ["limit=5", "wait=5"])
async def test_a_stream_refuses_the_parameters_of_pages(
    env: Server, accept: str, query: str
) -> None:
    answer = await request(env, "moe", "GET", f"/events?{query}", headers={"Accept": accept})

    assert fields(answer) == [query.split("=")[0]]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/html, */*;q=0.8", "application/json"),
        ("text/html", "application/json"),
        ("application/x-ndjson;q=0, */*;q=0.1", "application/json"),
        ("application/json;q=0.5, application/x-ndjson", LINES),
        ("APPLICATION/X-NDJSON", LINES),
        ("application/x-ndjson; q=x, application/json;q=0.1", "application/json"),
        ("application/x-ndjson, application/json", LINES),
    ],
)
async def test_accept_chooses_the_format(env: Server, accept: str, kind: str) -> None:
    answer = await request(env, "moe", "GET", "/events", headers={"Accept": accept})

    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)


async def test_a_token_is_needed(env: Server) -> None:
    for accept in ("*/*", LINES, "text/event-stream"):
        answer = await env.client.get("/rooms/den/events", headers={"Accept": accept})
        assert code(answer) == (401, "unauthorized")


# Exports


async def test_an_export_has_one_event_per_line(env: Server) -> None:
    page = (await request(env, "moe", "GET", "/events?since=2")).json()

    answer = await request(env, "moe", "GET", "/events?since=2", headers={"Accept": LINES})

    assert answer.headers["cache-control"] == "no-store"
    assert [json.loads(line) for line in answer.text.splitlines()] == page["events"]
    assert answer.text.endswith("\n")
    nothing = await request(env, "moe", "GET", "/events?since=7", headers={"Accept": LINES})
    assert (nothing.status_code, nothing.content) == (200, b"")


async def test_a_text_of_several_lines_is_one_line_of_an_export(env: Server) -> None:
    text = "a\nb\rc\vd\fe\x85f\u2028g\u2029h"
    seq = await send_message(env, "bo", text)

    answer = await request(
        env, "moe", "GET", f"/events?since={seq - 1}", headers={"Accept": LINES}
    )

    assert [json.loads(line)["text"] for line in answer.text.splitlines()] == [text]


async def test_an_export_ends_at_the_head_of_its_start(env: Server) -> None:
    await fill(env, REPLAY_PAGE_EVENTS)
    export = await open_request(env, "moe", "/rooms/den/events", takes=1, Accept=LINES)
    await export.begins()
    await send_message(env, "bo", "too late")
    export.taking.set()

    lines = (await export.ends()).splitlines()

    assert [json.loads(line)["seq"] for line in lines] == list(range(1, REPLAY_PAGE_EVENTS + 8))


async def fill(server: Server, count: int) -> None:
    """Send so many messages that the log has several pages."""
    await asyncio.gather(
        *(server.append(Send, "den", by="bo", text=f"line {n}") for n in range(count))
    )


def den_user(server: Server, name: str) -> int:
    return server.user_id(name)


async def paused_export(server: Server) -> OpenRequest:
    """An export by moe that is paused at its first page."""
    await fill(server, 2 * REPLAY_PAGE_EVENTS)
    export = await open_request(server, "moe", "/rooms/den/events", takes=1, Accept=LINES)
    assert (await export.begins())[0] == 200
    return export


@pytest.mark.parametrize(
    ("event", "end"),
    [("removed", 4004), ("log-out", 4001), ("drain", 4200)],
)
async def test_an_interrupted_export_ends_with_the_reason(
    env: Server, event: str, end: int
) -> None:
    export = await paused_export(env)
    moe = await env.person("moe")
    match event:
        case "removed":
            await env.append(Remove, "den", by="ana", user=moe.user)
        case "log-out":
            await env.logs_out(moe)
        case "drain":
            for connection in env.runtime.realtime.hub.of_user(moe.user):
                connection.close(DRAINING)
    export.taking.set()

    lines = [json.loads(line) for line in (await export.ends()).splitlines()]

    assert (lines[-1]["type"], lines[-1]["code"]) == ("end", end)
    assert lines[-1]["reason"]
    seqs = [line["seq"] for line in lines[:-1]]
    assert seqs == list(range(1, REPLAY_PAGE_EVENTS + 1))


async def test_an_export_ends_when_its_client_disconnects(env: Server) -> None:
    export = await paused_export(env)

    export.hang_up()
    await turns()
    export.taking.set()

    await asyncio.wait_for(export.task, PATIENCE_SECONDS)
    assert not env.runtime.realtime.hub.of_user(den_user(env, "moe"))


async def test_an_outsider_gets_no_export(env: Server) -> None:
    answer = await request(env, "eve", "GET", "/events", headers={"Accept": LINES})

    assert code(answer) == (404, "room_not_found")


# Long polling


async def waits(server: Server, who: str, query: str) -> asyncio.Task[object]:
    """Start a long poll, and return when it waits."""
    polling = asyncio.create_task(request(server, who, "GET", f"/events?{query}"))
    user = (await server.person(who)).user
    room = server.room_id("den")
    await until(
        lambda: any(
            room_feed.waiters
            for room_feed in [server.runtime.realtime.feed._room_feeds.get(room)]
            if room_feed is not None and server.runtime.realtime.hub.of_user(user)
        ),
        "the poll to wait",
    )
    return polling


async def test_existing_events_are_returned_at_once(env: Server) -> None:
    page = (await request(env, "moe", "GET", "/events?since=6&wait=60")).json()

    assert [event["seq"] for event in page["events"]] == [7]


async def test_a_long_poll_returns_a_new_event(env: Server) -> None:
    polling = await waits(env, "moe", "since=7&wait=60")

    await send_message(env, "bo", "at last")

    page = (await polling).json()
    assert [event["text"] for event in page["events"]] == ["at last"]
    assert page["head"] == 8
    assert not env.runtime.realtime.hub.of_user(den_user(env, "moe"))


async def test_a_long_poll_times_out_with_an_empty_page(env: Server) -> None:
    page = (await request(env, "moe", "GET", "/events?since=7&wait=1")).json()

    assert (page["events"], page["head"], page["has_more"]) == ([], 7, False)
    (room_feed,) = env.runtime.realtime.feed._room_feeds.values()
    assert (room_feed.waiters, room_feed.users) == ([], 0)


async def test_a_long_poll_holds_no_database_connection(env: Server) -> None:
    waiting = [await waits(env, "moe", "since=7&wait=60") for _ in range(20)]

    # More than there are connections, and nothing is blocked.
    assert (await request(env, "bo", "GET", "/messages")).status_code == 200
    await send_message(env, "bo", "hi")
    pages = [(await poll).json() for poll in waiting]
    assert {page["head"] for page in pages} == {8}


@pytest.mark.parametrize("change", [Ban, Remove])
async def test_a_long_poll_ends_with_access(env: Server, change: type[Ban] | type[Remove]) -> None:
    polling = await waits(env, "moe", "since=7&wait=60")
    moe = (await env.person("moe")).user

    await env.append(change, "den", by="ana", user=moe, **({"on": True} if change is Ban else {}))

    assert code(await polling) == (404, "room_not_found")


async def test_a_long_poll_ends_with_its_session(env: Server) -> None:
    polling = await waits(env, "moe", "since=7&wait=60")

    await env.logs_out(await env.person("moe"))

    assert code(await polling) == (401, "unauthorized")


async def test_a_long_poll_ends_with_its_token(env: Server) -> None:
    polling = await waits(env, "moe", "since=7&wait=60")
    (connection,) = env.runtime.realtime.hub.of_user(den_user(env, "moe"))

    connection.close(TOKEN_EXPIRED)

    assert code(await polling) == (401, "token_expired")


async def test_a_draining_server_ends_long_polls(env: Server) -> None:
    polling = await waits(env, "moe", "since=7&wait=60")

    await env.runtime.drain()

    page = (await polling).json()
    assert (page["events"], page["head"]) == ([], 7)
    late = await request(env, "moe", "GET", "/events?since=7&wait=60")
    assert code(late) == (503, "unavailable")


async def test_a_long_poll_counts_as_a_connection(database: Database) -> None:
    async with open_server(database, max_connections_per_user=2) as server:
        await open_env(server, Kind.PUBLIC)
        await server.joins("moe", "den")
        polling = await waits(server, "moe", "since=4&wait=60")

        answer = await request(server, "moe", "GET", "/events?since=4&wait=60")
        export = await request(server, "moe", "GET", "/events", headers={"Accept": LINES})

        assert code(answer) == code(export) == (429, "rate_limited")
        assert "retry-after" in answer.headers
        assert (await request(server, "moe", "GET", "/events?since=4")).status_code == 200
        await send_message(server, "bo")
        assert (await polling).status_code == 200


async def test_a_long_poll_ends_when_its_client_disconnects(env: Server) -> None:
    poll = await open_request(env, "moe", "/rooms/den/events?since=7&wait=60", Accept="*/*")
    await until(lambda: env.runtime.realtime.hub.of_user(den_user(env, "moe")), "the poll")

    poll.hang_up()

    await until(lambda: not env.runtime.realtime.hub.of_user(den_user(env, "moe")), "it to end")
    await asyncio.wait_for(poll.task, PATIENCE_SECONDS)


async def test_a_hidden_room_is_not_waited_for(env: Server) -> None:
    answer = await request(env, "eve", "GET", "/events?since=7&wait=60")

    assert code(answer) == (404, "room_not_found")
    assert not env.runtime.realtime.hub.of_user(den_user(env, "eve"))
