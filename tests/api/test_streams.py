"""The log as server-sent events."""

import asyncio

import pytest

from app.domain.appends import Ban, Join, Remove, Send, UpdateRoom
from app.domain.close_codes import DRAINING, SLOW_CONSUMER
from app.domain.limits import FANOUT_SLICE
from app.domain.roles import Kind
from app.realtime.connection import SubscriptionState
from app.store import sessions
from app.store.database import Database
from tests.api.env import open_env, request, send_message
from tests.api.open_request import OpenRequest, open_request, open_stream
from tests.api.people import code
from tests.harness.patience import turns, until
from tests.harness.server import Server, open_server

EVENTS = "/rooms/den/events"


@pytest.fixture
async def env(server: Server) -> Server:
    """A private room of four events."""
    await open_env(server)
    return server


async def is_live(server: Server, who: str) -> None:
    """Wait until a user's stream has caught up."""
    user = (await server.person(who)).user
    await until(
        lambda: any(
            subscription.state is SubscriptionState.LIVE
            for connection in server.runtime.realtime.hub.of_user(user)
            for subscription in connection.subscriptions.values()
        ),
        f"{who}'s stream to be live",
    )


async def is_gone(server: Server, who: str) -> None:
    """Wait until a user has no connection."""
    user = (await server.person(who)).user
    await until(lambda: not server.runtime.realtime.hub.of_user(user), f"{who} to be gone")


async def ended(stream: OpenRequest) -> tuple[int, str]:
    """How the stream ended: code and reason. Nothing may come after."""
    while (event := await stream.hears())["type"] != "end":
        pass
    assert await stream.ends() == ""
    return event["code"], event["reason"]


async def test_a_text_of_several_lines_is_one_line_of_a_stream(env: Server) -> None:
    texts = [f"a{sign}b" for sign in "\n\r\v\f\x1e\x85\u2028\u2029"]
    for text in texts[:4]:
        await send_message(env, "bo", text)
    moe = await open_stream(env, "moe", EVENTS)
    await moe.hears_until(8)
    for text in texts[4:]:
        await send_message(env, "bo", text)

    await moe.hears_until(12)

    assert [event["text"] for event in moe.heard[4:]] == texts


async def test_the_log_is_streamed_and_then_live(env: Server) -> None:
    moe = await open_stream(env, "moe", EVENTS)
    assert await moe.hears_until(4) == [1, 2, 3, 4]

    await is_live(env, "moe")
    await send_message(env, "bo", "hi")

    assert (await moe.hears())["text"] == "hi"
    page = (await request(env, "bo", "GET", "/events")).json()
    assert page["events"] == moe.heard
    moe.hang_up()
    await is_gone(env, "moe")


async def test_a_stream_begins_where_it_is_asked_to(env: Server) -> None:
    for path, headers, first in (
        (f"{EVENTS}?since=2", {}, 3),
        (f"{EVENTS}?since=1", {"Last_Event_ID": "3"}, 4),
        (EVENTS, {"Last_Event_ID": "0"}, 1),
        (f"{EVENTS}?since=1&epoch=another", {"Last_Event_ID": "2"}, 3),
    ):
        stream = await open_stream(env, "moe", path, **headers)
        assert (await stream.hears())["seq"] == first
        stream.hang_up()
        await asyncio.wait_for(stream.task, 5)


async def test_a_browser_that_reconnects_misses_nothing(env: Server) -> None:
    stream = await open_stream(env, "moe", EVENTS)
    await stream.hears_until(4)
    stream.hang_up()
    await send_message(env, "bo", "while away")

    stream = await open_stream(env, "moe", EVENTS, Last_Event_ID=stream.last_event_id)

    assert (await stream.hears())["text"] == "while away"


async def test_a_browser_that_reconnects_to_another_history_is_refused(env: Server) -> None:
    stream = await open_stream(env, "moe", EVENTS)
    await stream.hears_until(4)
    await env.runtime.admin.new_epoch()
    await send_message(env, "bo", "of the new history")
    # What is open goes on, with ids of the history that it began in.
    assert (await stream.hears())["text"] == "of the new history"
    stream.hang_up()

    again = await open_request(
        env, "moe", EVENTS, Accept="text/event-stream", Last_Event_ID=stream.last_event_id
    )

    assert (await again.begins())[0] == 409
    assert '"code":"conflict"' in await again.ends()


@pytest.mark.parametrize("media_type", ["text/event-stream", "application/x-ndjson"])
async def test_a_stream_and_an_export_name_their_epoch(env: Server, media_type: str) -> None:
    epoch = env.runtime.log.epoch.name

    opened = await open_request(env, "moe", EVENTS, Accept=media_type)

    assert (await opened.begins())[1]["x-epoch"] == epoch
    opened.hang_up()


@pytest.mark.parametrize(
    "given", ["x", "-1", "1.5", "1, 2", str(2**53), "1-", "-abc", "1-a-b", "1-" + "a" * 65]
)
async def test_a_last_event_id_is_a_seq_and_an_epoch(env: Server, given: str) -> None:
    answer = await request(
        env,
        "moe",
        "GET",
        "/events",
        headers={"Accept": "text/event-stream", "Last-Event-ID": given},
    )

    assert code(answer) == (422, "invalid")


async def test_nothing_is_missed_at_the_seam(env: Server) -> None:
    async def write() -> None:
        for number in range(150):
            await env.append(Send, "den", by="bo", text=str(number))

    writing = asyncio.create_task(write())
    readers = []
    for since in range(4, 40, 4):
        readers.append(await open_stream(env, "moe", f"{EVENTS}?since=4"))
        await turns(since)
    await writing

    for reader in readers:
        assert await reader.hears_until(154) == list(range(5, 155))


# Permissions


async def test_a_browser_brings_its_token_in_the_url(env: Server) -> None:
    token = (await env.person("moe")).token

    stream = await open_stream(env, None, f"{EVENTS}?token={token}")

    assert await stream.hears_until(4) == [1, 2, 3, 4]


async def test_two_tokens_are_one_too_many(env: Server) -> None:
    token = (await env.person("moe")).token

    stream = await open_request(env, "moe", f"{EVENTS}?token={token}")

    assert (await stream.begins())[0] == 401


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "x" * 5_000])
async def test_a_bad_token_is_refused(env: Server, token: str) -> None:
    answer = await env.client.get(
        f"{EVENTS}?token={token}", headers={"Accept": "text/event-stream"}
    )

    assert code(answer) == (401, "unauthorized")


def present_in_den(server: Server) -> list[str]:
    people = server.runtime.realtime.presence.present(server.room_id("den")) or {}
    return sorted(person.username for person in people.values())


async def test_a_public_room_is_streamed_without_joining(server: Server) -> None:
    await open_env(server, Kind.PUBLIC)
    moe = await server.joins("moe", "den")

    eve = await open_stream(server, "eve", EVENTS)

    await eve.hears_until(4)
    await is_live(server, "eve")
    await send_message(server, "bo", "hi")
    assert (await eve.hears())["text"] == "hi"
    members = (await request(server, "ana", "GET", "/members")).json()["members"]
    assert {member["user"] for member in members} == {"ana", "moe", "bo"}
    assert present_in_den(server) == ["moe"]
    assert not [f for f in moe.heard if f.get("by") == "eve"]


async def test_a_member_with_a_stream_is_present(env: Server) -> None:
    stream = await open_stream(env, "bo", EVENTS)
    await is_live(env, "bo")

    assert present_in_den(env) == ["bo"]
    stream.hang_up()
    await is_gone(env, "bo")


@pytest.mark.parametrize("kind", [Kind.PUBLIC, Kind.PRIVATE])
async def test_a_banned_user_gets_no_stream(server: Server, kind: Kind) -> None:
    await open_env(server, kind)
    await server.append(Ban, "den", by="ana", user=(await server.person("bo")).user, on=True)

    answer = await request(server, "bo", "GET", "/events", headers={"Accept": "text/event-stream"})

    assert code(answer) == ((403, "banned") if kind is Kind.PUBLIC else (404, "room_not_found"))
    await is_gone(server, "bo")


# How it ends


@pytest.mark.parametrize(
    ("change", "what", "reason"),
    [
        (Ban, {"on": True}, "forbidden: banned"),
        (Remove, {}, "forbidden: removed"),
    ],
)
async def test_access_ends_at_a_seq(
    env: Server, change: type[Ban], what: dict[str, bool], reason: str
) -> None:
    moe = await open_stream(env, "moe", EVENTS)
    await is_live(env, "moe")
    user = (await env.person("moe")).user

    await asyncio.gather(
        env.append(change, "den", by="ana", user=user, **what),
        env.append(Send, "den", by="bo", text="not for moe"),
    )

    assert await ended(moe) == (4003, reason)
    heard = [event["seq"] for event in moe.heard if event["type"] != "end"]
    assert heard == list(range(1, len(heard) + 1))
    assert moe.heard[-2]["type"] in ("member.left", "member.updated")
    assert "not for moe" not in str(moe.heard)
    again = await open_request(env, "moe", EVENTS)
    assert (await again.begins())[0] == 404


async def test_the_ban_is_the_last_event_of_a_stream(server: Server) -> None:
    await open_env(server, Kind.PUBLIC)
    eve = await open_stream(server, "eve", EVENTS)
    await is_live(server, "eve")
    user = (await server.person("eve")).user

    await server.append(Ban, "den", by="ana", user=user, on=True)

    assert await ended(eve) == (4003, "forbidden: banned")


async def test_nothing_follows_the_end_while_the_fan_out_is_pending(env: Server) -> None:
    """More streams than one slice of the fan-out, all closed before it reaches them."""
    streams = [await open_stream(env, "bo", EVENTS) for _ in range(6 * FANOUT_SLICE)]
    await asyncio.gather(*(stream.hears_until(4) for stream in streams))

    def then_drain(_batches: object) -> None:
        for connection in env.runtime.realtime.hub.connections():
            connection.close(DRAINING)

    # Connected behind the feed, so called when it has delivered.
    with env.runtime.log.seams.on_committed.connected(then_drain):
        await send_message(env, "ana", "the last word")

    for stream in streams:
        assert (await stream.hears())["text"] == "the last word"
        assert (await ended(stream))[0] == 4200


async def test_an_archived_room_ends_its_streams_and_can_be_read_again(env: Server) -> None:
    moe = await open_stream(env, "moe", EVENTS)
    await is_live(env, "moe")

    await env.append(UpdateRoom, "den", by="ana", archived=True)

    assert await ended(moe) == (4003, "forbidden: archived")
    again = await open_stream(env, "moe", f"{EVENTS}?since=4")
    assert (await again.hears())["type"] == "room.archived"


async def test_logging_out_ends_the_streams_of_that_log_in(env: Server) -> None:
    phone, laptop = await env.person("moe"), await env.logs_in("moe")
    streams = [await open_stream(env, who, EVENTS) for who in (phone, laptop)]
    await asyncio.gather(*(stream.hears_until(4) for stream in streams))

    await env.logs_out(phone)

    assert (await ended(streams[0]))[0] == 4001
    await send_message(env, "bo", "hi")
    assert (await streams[1].hears())["text"] == "hi"


async def test_a_stream_ends_with_its_token(env: Server) -> None:
    # The server's clock stands still: the stream opens on any machine.
    await env.person("moe")
    ends_at = env.clock() + 20
    await env.database.write(
        lambda c: c.execute(sessions.sessions.update().values(expires_at=ends_at))
    )

    stream = await open_stream(env, "moe", EVENTS)

    assert (await ended(stream))[0] == 4301


async def test_a_server_that_stops_ends_its_streams(env: Server) -> None:
    stream = await open_stream(env, "moe", EVENTS)
    await stream.hears_until(4)

    await env.runtime.drain()

    assert (await ended(stream))[0] == 4200
    late = await open_stream(env, "moe", EVENTS)
    assert (await ended(late))[0] == 4200


async def test_a_stream_counts_as_a_connection(database: Database) -> None:
    async with open_server(database, max_connections_per_user=2) as server:
        await open_env(server)
        first, _second = [await open_stream(server, "moe", EVENTS) for _ in range(2)]

        one_too_many = await open_stream(server, "moe", EVENTS)

        assert (await ended(one_too_many))[0] == 4109
        socket = await server.connects("moe", "den")
        assert (await socket.is_closed())[0] == 4109
        first.hang_up()
        await asyncio.wait_for(first.task, 5)
        await open_stream(server, "moe", EVENTS)


async def test_a_slow_reader_is_cut_and_resumes(database: Database) -> None:
    async with open_server(
        database, max_unsent_bytes=65_536, limits={"realtime": {"close_seconds": 0.05}}
    ) as server:
        await open_env(server)
        slow, quick = [await open_stream(server, who, EVENTS) for who in ("moe", "bo")]
        await slow.hears_until(4)
        await is_live(server, "moe")
        slow.taking.clear()

        for _ in range(20):
            await send_message(server, "ana", "é" * 4_000)

        # It reads nothing, not even the end: the connection is dropped.
        await asyncio.wait_for(slow.task, 5)
        await is_gone(server, "moe")
        assert server.runtime.realtime.connections.closed == {SLOW_CONSUMER.code: 1}
        assert await quick.hears_until(24) == list(range(1, 25))
        again = await open_stream(server, "moe", f"{EVENTS}?since=4")
        assert await again.hears_until(24) == list(range(5, 25))


async def test_a_slow_reader_that_resumes_reading_gets_the_reason(database: Database) -> None:
    async with open_server(database, max_unsent_bytes=65_536) as server:
        await open_env(server)
        slow = await open_stream(server, "moe", EVENTS)
        await slow.hears_until(4)
        await is_live(server, "moe")
        slow.taking.clear()
        for _ in range(20):
            await send_message(server, "ana", "é" * 4_000)

        slow.taking.set()

        assert (await ended(slow))[0] == 4102


async def test_a_long_replay_waits_for_its_reader(database: Database) -> None:
    async with open_server(database, max_unsent_bytes=65_536) as server:
        await open_env(server)
        await asyncio.gather(
            *(server.append(Send, "den", by="bo", text="x" * 1_000) for _ in range(1_200))
        )
        stream = await open_stream(server, "moe", EVENTS)
        stream.taking.clear()
        await turns(200)
        (connection,) = server.runtime.realtime.hub.of_user((await server.person("moe")).user)
        # The whole log is larger.
        assert connection.outbox.unsent < 1_000 * 1_000

        stream.taking.set()

        assert await stream.hears_until(1_204) == list(range(1, 1_205))


@pytest.mark.limits(realtime={"stream_ping_seconds": 0.01})
async def test_an_idle_stream_sends_comments(env: Server) -> None:
    stream = await open_stream(env, "moe", f"{EVENTS}?since=4")

    assert [await stream.block() for _ in range(3)] == [": ping"] * 3


async def test_a_stream_sees_its_user_join(env: Server) -> None:
    await server_joins_public(env)
    stream = await open_stream(env, "eve", "/rooms/hall/events")
    await stream.hears_until(1)
    await is_live(env, "eve")

    await env.append(Join, "hall", by="eve")

    assert (await stream.hears())["type"] == "member.joined"


async def server_joins_public(server: Server) -> None:
    await server.room("hall", owner="ana", kind=Kind.PUBLIC)
