"""The log over HTTP: pages, exports, and waiting for what comes."""

import asyncio
import json

import pytest

from app.domain.appends import Ban, Remove, Send
from app.domain.closing import DRAINING, TOKEN_EXPIRED
from app.domain.limits import MAX_WAIT_SECONDS, REPLAY_PAGE_EVENTS
from app.domain.roles import Kind
from app.store.database import Database
from app.wire.message_bodies import EventsAnswer
from tests.api.den import ask, open_den, says
from tests.api.open_request import OpenRequest, opens
from tests.api.people import code, fields
from tests.harness.patience import turns, until
from tests.harness.server import Server, open_server

LINES = "application/x-ndjson"


@pytest.fixture
async def den(server: Server) -> Server:
    """A private room: four events, and three messages of bo's."""
    await open_den(server)
    for text in ("one", "two", "three"):
        await says(server, "bo", text)
    return server


# Pages


async def test_a_page_of_the_log(den: Server) -> None:
    answer = await ask(den, "moe", "GET", "/events")

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["vary"] == "Accept"
    page = answer.json()
    EventsAnswer.model_validate(page)
    assert [event["seq"] for event in page["events"]] == list(range(1, 8))
    assert page["events"][0]["type"] == "room.created"
    assert (page["head"], page["first"], page["has_more"]) == (7, 1, False)
    assert page["epoch"] == den.runtime.log.epoch.name


async def test_a_replay_over_http_is_that_of_a_socket(den: Server) -> None:
    await ask(den, "bo", "PATCH", "/messages/5", json={"text": "uno"})
    await ask(den, "moe", "PUT", "/messages/6/reactions/👍")
    await ask(den, "bo", "DELETE", "/messages/7")
    line = await den.joins("moe", "den", since=0)

    page = (await ask(den, "moe", "GET", "/events")).json()

    assert page["events"] == line.events


async def test_pages_follow_each_other(den: Server) -> None:
    seen: list[int] = []
    more = True

    while more:
        since = seen[-1] if seen else 0
        page = (await ask(den, "moe", "GET", f"/events?since={since}&limit=3")).json()
        seen += [event["seq"] for event in page["events"]]
        more = page["has_more"]

    assert seen == list(range(1, 8))
    end = (await ask(den, "moe", "GET", "/events?since=7")).json()
    assert (end["events"], end["has_more"]) == ([], False)


async def test_a_cursor_has_to_be_of_this_log(den: Server) -> None:
    await den.database.write(_forget_before_four)

    assert code(await ask(den, "moe", "GET", "/events?since=8")) == (409, "conflict")
    assert code(await ask(den, "moe", "GET", "/events?since=2")) == (410, "gone")
    assert code(await ask(den, "moe", "GET", "/events")) == (410, "gone")
    kept = (await ask(den, "moe", "GET", "/events?since=3")).json()
    assert ([event["seq"] for event in kept["events"]], kept["first"]) == ([4, 5, 6, 7], 4)
    for accept in (LINES, "text/event-stream"):
        for since, said in ((8, (409, "conflict")), (2, (410, "gone"))):
            answer = await ask(
                den, "moe", "GET", f"/events?since={since}", headers={"Accept": accept}
            )
            assert code(answer) == said


def _forget_before_four(connection: object) -> None:
    connection.exec_driver_sql("UPDATE rooms SET first = 4 WHERE name = 'den'")  # type: ignore[attr-defined]


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
async def test_a_wrong_parameter_is_named(den: Server, query: str, field: str) -> None:
    assert fields(await ask(den, "moe", "GET", f"/events?{query}")) == [field]


@pytest.mark.parametrize("accept", [LINES, "text/event-stream"])
@pytest.mark.parametrize("query", ["limit=5", "wait=5"])
async def test_a_stream_takes_no_page(den: Server, accept: str, query: str) -> None:
    answer = await ask(den, "moe", "GET", f"/events?{query}", headers={"Accept": accept})

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
async def test_the_client_says_what_it_wants(den: Server, accept: str, kind: str) -> None:
    answer = await ask(den, "moe", "GET", "/events", headers={"Accept": accept})

    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)


async def test_a_token_is_needed(den: Server) -> None:
    for accept in ("*/*", LINES, "text/event-stream"):
        answer = await den.client.get("/rooms/den/events", headers={"Accept": accept})
        assert code(answer) == (401, "unauthorized")


# Exports


async def test_an_export_is_the_log_an_event_a_line(den: Server) -> None:
    page = (await ask(den, "moe", "GET", "/events?since=2")).json()

    answer = await ask(den, "moe", "GET", "/events?since=2", headers={"Accept": LINES})

    assert answer.headers["cache-control"] == "no-store"
    assert [json.loads(line) for line in answer.text.splitlines()] == page["events"]
    assert answer.text.endswith("\n")
    nothing = await ask(den, "moe", "GET", "/events?since=7", headers={"Accept": LINES})
    assert (nothing.status_code, nothing.content) == (200, b"")


async def test_an_export_ends_where_the_log_ended_when_it_began(den: Server) -> None:
    await fill(den, REPLAY_PAGE_EVENTS)
    export = await opens(den, "moe", "/rooms/den/events", takes=1, Accept=LINES)
    await export.begins()
    await says(den, "bo", "too late")
    export.taking.set()

    lines = (await export.ends()).splitlines()

    assert [json.loads(line)["seq"] for line in lines] == list(range(1, REPLAY_PAGE_EVENTS + 8))


async def fill(server: Server, count: int) -> None:
    """Say so much that the log has several pages."""
    await asyncio.gather(
        *(server.append(Send, "den", by="bo", text=f"line {n}") for n in range(count))
    )


def den_user(server: Server, name: str) -> int:
    return server._people[name].user


async def cut(server: Server) -> OpenRequest:
    """An export of moe's that is stuck at its first page."""
    await fill(server, 2 * REPLAY_PAGE_EVENTS)
    export = await opens(server, "moe", "/rooms/den/events", takes=1, Accept=LINES)
    assert (await export.begins())[0] == 200
    return export


@pytest.mark.parametrize(
    ("event", "end"),
    [("removed", 4004), ("log-out", 4001), ("drain", 4200)],
)
async def test_an_export_that_is_cut_says_so(den: Server, event: str, end: int) -> None:
    export = await cut(den)
    moe = await den.person("moe")
    match event:
        case "removed":
            await den.append(Remove, "den", by="ana", user=moe.user)
        case "log-out":
            await den.logs_out(moe)
        case "drain":
            for connection in den.runtime.realtime.hub.of_user(moe.user):
                connection.close(DRAINING)
    export.taking.set()

    lines = [json.loads(line) for line in (await export.ends()).splitlines()]

    assert (lines[-1]["type"], lines[-1]["code"]) == ("end", end)
    assert lines[-1]["reason"]
    seqs = [line["seq"] for line in lines[:-1]]
    assert seqs == list(range(1, REPLAY_PAGE_EVENTS + 1))


async def test_an_export_whose_reader_has_gone_ends(den: Server) -> None:
    export = await cut(den)

    export.hang_up()
    await turns()
    export.taking.set()

    await asyncio.wait_for(export.task, 5)
    assert not den.runtime.realtime.hub.of_user(den_user(den, "moe"))


async def test_an_outsider_gets_no_export(den: Server) -> None:
    answer = await ask(den, "eve", "GET", "/events", headers={"Accept": LINES})

    assert code(answer) == (404, "room_not_found")


# Waiting


async def waits(server: Server, who: str, query: str) -> asyncio.Task[object]:
    """Have somebody poll; returns once they wait."""
    polling = asyncio.create_task(ask(server, who, "GET", f"/events?{query}"))
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


async def test_what_is_there_is_answered_at_once(den: Server) -> None:
    page = (await ask(den, "moe", "GET", "/events?since=6&wait=60")).json()

    assert [event["seq"] for event in page["events"]] == [7]


async def test_one_who_waits_hears_what_comes(den: Server) -> None:
    polling = await waits(den, "moe", "since=7&wait=60")

    await says(den, "bo", "at last")

    page = (await polling).json()
    assert [event["text"] for event in page["events"]] == ["at last"]
    assert page["head"] == 8
    assert not den.runtime.realtime.hub.of_user(den_user(den, "moe"))


async def test_waiting_ends_with_an_empty_page(den: Server) -> None:
    page = (await ask(den, "moe", "GET", "/events?since=7&wait=1")).json()

    assert (page["events"], page["head"], page["has_more"]) == ([], 7, False)
    (room_feed,) = den.runtime.realtime.feed._room_feeds.values()
    assert (room_feed.waiters, room_feed.users) == ([], 0)


async def test_one_who_waits_holds_no_connection_to_the_database(den: Server) -> None:
    waiting = [await waits(den, "moe", "since=7&wait=60") for _ in range(20)]

    # More than there are connections, and everything goes on.
    assert (await ask(den, "bo", "GET", "/messages")).status_code == 200
    await says(den, "bo", "hi")
    pages = [(await poll).json() for poll in waiting]
    assert {page["head"] for page in pages} == {8}


@pytest.mark.parametrize("change", [Ban, Remove])
async def test_one_who_waits_and_loses_the_room_hears_nothing(
    den: Server, change: type[Ban] | type[Remove]
) -> None:
    polling = await waits(den, "moe", "since=7&wait=60")
    moe = (await den.person("moe")).user

    await den.append(change, "den", by="ana", user=moe, **({"on": True} if change is Ban else {}))

    assert code(await polling) == (404, "room_not_found")


async def test_one_who_waits_and_logs_out_is_nobody(den: Server) -> None:
    polling = await waits(den, "moe", "since=7&wait=60")

    await den.logs_out(await den.person("moe"))

    assert code(await polling) == (401, "unauthorized")


async def test_a_token_that_ends_meanwhile_has_expired(den: Server) -> None:
    polling = await waits(den, "moe", "since=7&wait=60")
    (connection,) = den.runtime.realtime.hub.of_user(den_user(den, "moe"))

    connection.close(TOKEN_EXPIRED)

    assert code(await polling) == (401, "token_expired")


async def test_a_server_that_stops_sends_away_who_waits(den: Server) -> None:
    polling = await waits(den, "moe", "since=7&wait=60")

    await den.runtime.drain()

    page = (await polling).json()
    assert (page["events"], page["head"]) == ([], 7)
    late = await ask(den, "moe", "GET", "/events?since=7&wait=60")
    assert code(late) == (503, "unavailable")


async def test_waiting_counts_as_a_connection(database: Database) -> None:
    async with open_server(database, max_connections_per_user=2) as server:
        await open_den(server, Kind.PUBLIC)
        await server.joins("moe", "den")
        polling = await waits(server, "moe", "since=4&wait=60")

        answer = await ask(server, "moe", "GET", "/events?since=4&wait=60")
        export = await ask(server, "moe", "GET", "/events", headers={"Accept": LINES})

        assert code(answer) == code(export) == (429, "rate_limited")
        assert "retry-after" in answer.headers
        assert (await ask(server, "moe", "GET", "/events?since=4")).status_code == 200
        await says(server, "bo")
        assert (await polling).status_code == 200


async def test_one_who_waits_and_hangs_up_is_forgotten(den: Server) -> None:
    poll = await opens(den, "moe", "/rooms/den/events?since=7&wait=60", Accept="*/*")
    await until(lambda: den.runtime.realtime.hub.of_user(den_user(den, "moe")), "the poll")

    poll.hang_up()

    await until(lambda: not den.runtime.realtime.hub.of_user(den_user(den, "moe")), "it to end")
    await asyncio.wait_for(poll.task, 5)


async def test_a_room_of_another_is_not_waited_for(den: Server) -> None:
    answer = await ask(den, "eve", "GET", "/events?since=7&wait=60")

    assert code(answer) == (404, "room_not_found")
    assert not den.runtime.realtime.hub.of_user(den_user(den, "eve"))
