"""The log as server-sent events."""

import asyncio

import pytest

from app.domain.appends import Ban, Join, Remove, Send, UpdateRoom
from app.domain.closing import DRAINING
from app.domain.limits import FANOUT_SLICE
from app.domain.roles import Kind
from app.realtime.connection import SubscriptionState
from app.store.database import Database
from tests.api.den import ask, open_den, says
from tests.api.open_request import OpenRequest, follows, opens
from tests.api.people import code
from tests.harness.patience import turns, until
from tests.harness.server import Server, open_server

EVENTS = "/rooms/den/events"


@pytest.fixture
async def den(server: Server) -> Server:
    """A private room of four events."""
    await open_den(server)
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
    """Read to the end of a stream; its code and reason. Nothing may come behind them."""
    while (event := await stream.hears())["type"] != "end":
        pass
    assert await stream.ends() == ""
    return event["code"], event["reason"]


async def test_the_log_is_streamed_and_then_live(den: Server) -> None:
    moe = await follows(den, "moe", EVENTS)
    assert await moe.hears_until(4) == [1, 2, 3, 4]

    await is_live(den, "moe")
    await says(den, "bo", "hi")

    assert (await moe.hears())["text"] == "hi"
    page = (await ask(den, "bo", "GET", "/events")).json()
    assert page["events"] == moe.heard
    moe.hang_up()
    await is_gone(den, "moe")


async def test_a_stream_starts_after_since_or_the_last_event_id(den: Server) -> None:
    for path, headers, first in (
        (f"{EVENTS}?since=2", {}, 3),
        (f"{EVENTS}?since=1", {"Last_Event_ID": "3"}, 4),
        (EVENTS, {"Last_Event_ID": "0"}, 1),
    ):
        stream = await follows(den, "moe", path, **headers)
        assert (await stream.hears())["seq"] == first
        stream.hang_up()
        await asyncio.wait_for(stream.task, 5)


async def test_a_browser_that_reconnects_misses_nothing(den: Server) -> None:
    stream = await follows(den, "moe", EVENTS)
    await stream.hears_until(4)
    stream.hang_up()
    await says(den, "bo", "while away")

    stream = await follows(den, "moe", EVENTS, Last_Event_ID=str(stream.heard[-1]["seq"]))

    assert (await stream.hears())["text"] == "while away"


@pytest.mark.parametrize("given", ["x", "-1", "1.5", "1, 2", str(2**53)])
async def test_a_last_event_id_is_a_number(den: Server, given: str) -> None:
    answer = await ask(
        den,
        "moe",
        "GET",
        "/events",
        headers={"Accept": "text/event-stream", "Last-Event-ID": given},
    )

    assert code(answer) == (422, "invalid")


async def test_there_is_no_gap_between_replay_and_live(den: Server) -> None:
    async def write() -> None:
        for number in range(150):
            await den.append(Send, "den", by="bo", text=str(number))

    writing = asyncio.create_task(write())
    readers = []
    for since in range(4, 40, 4):
        readers.append(await follows(den, "moe", f"{EVENTS}?since=4"))
        await turns(since)
    await writing

    for reader in readers:
        assert await reader.hears_until(154) == list(range(5, 155))


# Who may follow a room


async def test_the_token_may_be_in_the_query(den: Server) -> None:
    token = (await den.person("moe")).token

    stream = await follows(den, None, f"{EVENTS}?token={token}")

    assert await stream.hears_until(4) == [1, 2, 3, 4]


async def test_two_tokens_are_one_too_many(den: Server) -> None:
    token = (await den.person("moe")).token

    stream = await opens(den, "moe", f"{EVENTS}?token={token}")

    assert (await stream.begins())[0] == 401


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "x" * 5_000])
async def test_a_bad_token_is_refused(den: Server, token: str) -> None:
    answer = await den.client.get(
        f"{EVENTS}?token={token}", headers={"Accept": "text/event-stream"}
    )

    assert code(answer) == (401, "unauthorized")


async def test_a_public_room_can_be_followed_without_joining(server: Server) -> None:
    await open_den(server, Kind.PUBLIC)
    moe = await server.joins("moe", "den")

    eve = await follows(server, "eve", EVENTS)

    await eve.hears_until(4)
    await is_live(server, "eve")
    await says(server, "bo", "hi")
    assert (await eve.hears())["text"] == "hi"
    members = (await ask(server, "ana", "GET", "/members")).json()["members"]
    assert {member["user"] for member in members} == {"ana", "moe", "bo"}
    assert server.runtime.realtime.presence.usernames(server.room_id("den")) == ["moe"]
    assert not [f for f in moe.heard if f.get("by") == "eve"]


async def test_a_member_with_a_stream_is_present(den: Server) -> None:
    stream = await follows(den, "bo", EVENTS)
    await is_live(den, "bo")

    assert den.runtime.realtime.presence.usernames(den.room_id("den")) == ["bo"]
    stream.hang_up()
    await is_gone(den, "bo")


@pytest.mark.parametrize("kind", [Kind.PUBLIC, Kind.PRIVATE])
async def test_a_room_that_may_not_be_read_is_not_streamed(server: Server, kind: Kind) -> None:
    await open_den(server, kind)
    await server.append(Ban, "den", by="ana", user=(await server.person("bo")).user, on=True)

    answer = await ask(server, "bo", "GET", "/events", headers={"Accept": "text/event-stream"})

    assert code(answer) == ((403, "banned") if kind is Kind.PUBLIC else (404, "room_not_found"))
    await is_gone(server, "bo")


# How a stream ends


@pytest.mark.parametrize(
    ("change", "what", "reason"),
    [
        (Ban, {"on": True}, "forbidden: banned"),
        (Remove, {}, "forbidden: removed"),
    ],
)
async def test_access_ends_at_a_seq(
    den: Server, change: type[Ban], what: dict[str, bool], reason: str
) -> None:
    moe = await follows(den, "moe", EVENTS)
    await is_live(den, "moe")
    user = (await den.person("moe")).user

    await asyncio.gather(
        den.append(change, "den", by="ana", user=user, **what),
        den.append(Send, "den", by="bo", text="not for moe"),
    )

    assert await ended(moe) == (4003, reason)
    heard = [event["seq"] for event in moe.heard if event["type"] != "end"]
    assert heard == list(range(1, len(heard) + 1))
    assert moe.heard[-2]["type"] in ("member.left", "member.updated")
    assert "not for moe" not in str(moe.heard)


async def test_a_ban_is_the_last_event_of_a_reader(server: Server) -> None:
    await open_den(server, Kind.PUBLIC)
    eve = await follows(server, "eve", EVENTS)
    await is_live(server, "eve")
    user = (await server.person("eve")).user

    await server.append(Ban, "den", by="ana", user=user, on=True)

    assert await ended(eve) == (4003, "forbidden: banned")


async def test_no_event_follows_the_end_while_the_fan_out_is_behind(den: Server) -> None:
    # More streams than the fan-out writes to before all of them are closed.
    streams = [await follows(den, "bo", EVENTS) for _ in range(6 * FANOUT_SLICE)]
    await asyncio.gather(*(stream.hears_until(4) for stream in streams))

    def then_drain(_batches: object) -> None:
        for connection in den.runtime.realtime.hub.connections():
            connection.close(DRAINING)

    # Connected behind the feed, so called after the delivery.
    with den.runtime.log.seams.on_committed.connected(then_drain):
        await says(den, "ana", "the last word")

    for stream in streams:
        assert (await stream.hears())["text"] == "the last word"
        assert (await ended(stream))[0] == 4200


async def test_archiving_a_room_ends_its_streams_and_it_can_be_read_again(den: Server) -> None:
    moe = await follows(den, "moe", EVENTS)
    await is_live(den, "moe")

    await den.append(UpdateRoom, "den", by="ana", archived=True)

    assert await ended(moe) == (4003, "forbidden: archived")
    again = await follows(den, "moe", f"{EVENTS}?since=4")
    assert (await again.hears())["type"] == "room.archived"


async def test_logging_out_ends_the_streams_of_that_log_in_only(den: Server) -> None:
    phone, laptop = await den.person("moe"), await den.logs_in("moe")
    streams = [await follows(den, who, EVENTS) for who in (phone, laptop)]
    await asyncio.gather(*(stream.hears_until(4) for stream in streams))

    await den.logs_out(phone)

    assert (await ended(streams[0]))[0] == 4001
    await says(den, "bo", "hi")
    assert (await streams[1].hears())["text"] == "hi"


async def test_a_stream_ends_with_its_token(den: Server) -> None:
    # A clock that stands still 20 ms before the end: the stream opens on any machine.
    await den.person("moe")
    den.clock.stand_still()
    den.clock.pass_time(seconds=15 * 60 - 0.02)

    stream = await follows(den, "moe", EVENTS)

    assert (await ended(stream))[0] == 4301


async def test_a_drain_ends_streams_and_refuses_new_ones(den: Server) -> None:
    stream = await follows(den, "moe", EVENTS)
    await stream.hears_until(4)

    await den.runtime.drain()

    assert (await ended(stream))[0] == 4200
    late = await follows(den, "moe", EVENTS)
    assert (await ended(late))[0] == 4200


async def test_a_stream_counts_as_a_connection(database: Database) -> None:
    async with open_server(database, max_connections_per_user=2) as server:
        await open_den(server)
        first, _second = [await follows(server, "moe", EVENTS) for _ in range(2)]

        one_too_many = await follows(server, "moe", EVENTS)

        assert (await ended(one_too_many))[0] == 4009
        socket = await server.connects("moe", "den")
        assert (await socket.is_closed())[0] == 4009
        first.hang_up()
        await asyncio.wait_for(first.task, 5)
        await follows(server, "moe", EVENTS)


async def test_a_slow_client_is_disconnected_and_resumes(database: Database) -> None:
    async with open_server(
        database, max_unsent_bytes=65_536, limits={"realtime": {"close_seconds": 0.05}}
    ) as server:
        await open_den(server)
        slow, quick = [await follows(server, who, EVENTS) for who in ("moe", "bo")]
        await slow.hears_until(4)
        await is_live(server, "moe")
        slow.taking.clear()

        for _ in range(20):
            await says(server, "ana", "é" * 4_000)

        # It takes nothing, not even the end.
        await asyncio.wait_for(slow.task, 5)
        await is_gone(server, "moe")
        assert await quick.hears_until(24) == list(range(1, 25))
        again = await follows(server, "moe", f"{EVENTS}?since=4")
        assert await again.hears_until(24) == list(range(5, 25))


async def test_a_slow_client_that_reads_on_is_told_why(database: Database) -> None:
    async with open_server(database, max_unsent_bytes=65_536) as server:
        await open_den(server)
        slow = await follows(server, "moe", EVENTS)
        await slow.hears_until(4)
        await is_live(server, "moe")
        slow.taking.clear()
        for _ in range(20):
            await says(server, "ana", "é" * 4_000)

        slow.taking.set()

        assert (await ended(slow))[0] == 4102


async def test_a_long_replay_goes_at_the_pace_of_its_client(database: Database) -> None:
    async with open_server(database, max_unsent_bytes=65_536) as server:
        await open_den(server)
        await asyncio.gather(
            *(server.append(Send, "den", by="bo", text="x" * 1_000) for _ in range(1_200))
        )
        stream = await follows(server, "moe", EVENTS)
        stream.taking.clear()
        await turns(200)
        (connection,) = server.runtime.realtime.hub.of_user((await server.person("moe")).user)
        # The whole log is larger.
        assert connection.outbox.unsent < 1_000 * 1_000

        stream.taking.set()

        assert await stream.hears_until(1_204) == list(range(1, 1_205))


@pytest.mark.limits(realtime={"stream_ping_seconds": 0.01})
async def test_an_idle_stream_sends_pings(den: Server) -> None:
    stream = await follows(den, "moe", f"{EVENTS}?since=4")

    assert [await stream.block() for _ in range(3)] == [": ping"] * 3


async def test_a_user_can_join_a_room_that_they_follow(den: Server) -> None:
    await den.room("hall", owner="ana", kind=Kind.PUBLIC)
    stream = await follows(den, "eve", "/rooms/hall/events")
    await stream.hears_until(1)
    await is_live(den, "eve")

    await den.append(Join, "hall", by="eve")

    assert (await stream.hears())["type"] == "member.joined"
