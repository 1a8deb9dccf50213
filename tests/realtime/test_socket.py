"""The socket's life: opening, limits, the token's end, and how it closes."""

import asyncio
from typing import Any

import pytest

from app.domain.errors import Unavailable
from app.store import sessions
from app.store.database import Database
from tests.harness.databases import GatedDatabase
from tests.harness.patience import patience, turns, until
from tests.harness.server import Server, open_server

FAST = pytest.mark.parametrize("fast", [False, True], ids=["plain", "fast"])


@FAST
async def test_welcome_comes_first_and_tells_the_rooms(server: Server, fast: bool) -> None:
    await server.room("den", kind="private", members=["bo"])
    await server.room("attic")

    outside = await (await server.connects("bo", fast=fast)).hears()
    inside = await (await server.connects("bo", "den", fast=fast)).hears()

    assert outside["type"] == inside["type"] == "welcome"
    assert (inside["user"], inside["epoch"]) == ("bo", server.runtime.log.epoch.name)
    assert inside["heartbeat_seconds"] == 25
    assert 890 < inside["expires_in"] <= 900
    assert inside["limits"]["text_characters"] == 4_000
    assert [room["name"] for room in outside["rooms"]] == ["den"]
    assert "rooms" not in inside


@FAST
@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        pytest.param(None, "", 4001, id="no token"),
        pytest.param(None, "token=x", 4001, id="a bad token"),
        pytest.param("den", "token=x&since=x", 4000, id="a bad parameter"),
        pytest.param("no..name", "token=x", 4004, id="no room's name"),
    ],
)
async def test_a_refusal_is_accepted_and_closed_with_a_reason(
    server: Server, fast: bool, path: str | None, query: str, code: int
) -> None:
    line = await server.connects(None, path, query=query, fast=fast)

    found, reason = await line.is_closed()

    assert found == code
    assert reason
    assert line.socket.accepted.is_set()
    assert line.heard == []


async def test_who_has_logged_out_learns_nothing_of_rooms_and_joins_none(server: Server) -> None:
    await server.room("secret", kind="private")
    ana = await server.joins("ana", "general")
    head = ana.sequence.cursors["general"]
    eve = await server.person("eve")
    await server.logs_out(eve)

    for room in ("general", "secret", "nowhere"):
        assert (await (await server.connects(eve, room)).is_closed())[0] == 4001

    # Nothing was appended in between.
    assert (await ana.ask("send", text="hello"))["seq"] == head + 1


async def test_what_a_connection_begins_with_is_one_read_and_one_write(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated) as server:
        for _ in range(2):
            # The first warms the room.
            bo = await server.joins("bo", "general")
            await gated.quiet()
        await server.person("bo")
        reads = gated.reads

        bo = await server.joins("bo", "general", fast=True)

        assert gated.reads == reads + 1
        assert [frame["type"] for frame in bo.heard[:2]] == ["welcome", "joined"]
        assert bo.heard[-1]["type"] == "caught_up"
        assert len(bo.socket.writes) == 1


async def test_a_welcome_does_not_wait_for_the_join(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        bo = await server.person("bo")
        # The room is not known yet: it takes a second read.
        with gated.holding_reads(but=1) as gate:
            line = await server.connects(bo, "general", fast=True)

            assert (await line.hears())["type"] == "welcome"
            await until(lambda: gate.waiting, "the read for the join")
        await line.catches_up()


async def test_an_expired_token_says_that_a_fresh_one_is_needed(server: Server) -> None:
    bo = await server.person("bo")
    server.clock.pass_time(seconds=16 * 60)

    line = await server.connects(bo)

    assert (await line.is_closed())[0] == 4301


async def test_a_path_that_is_not_ours_is_refused_before_it_is_accepted(server: Server) -> None:
    line = await server.connects("bo", "den/attic")

    assert (await line.is_closed())[0] in (None, 1000)
    assert not line.socket.accepted.is_set()


@FAST
async def test_a_user_may_have_so_many_connections(database: Database, fast: bool) -> None:
    async with open_server(database, max_connections_per_user=2) as server:
        lines = [await server.connects("bo", fast=fast) for _ in range(2)]
        for line in lines:
            await line.hears("welcome")
        third = await server.connects("bo", fast=fast)
        assert (await third.is_closed())[0] == 4009

        await lines[0].hang_up()
        again = await server.connects("bo", fast=fast)

        assert (await again.hears())["type"] == "welcome"
        assert (await (await server.connects("eve")).hears())["type"] == "welcome"


@FAST
async def test_repeated_nonsense_ends_it(server: Server, fast: bool) -> None:
    line = await server.joins("bo", "general", fast=fast)

    for n in range(20):
        await line.types(b"\0" if n % 2 else "{")

    code, _ = await line.is_closed()
    assert code == 4000
    assert [frame["code"] for frame in line.heard if frame["type"] == "error"] == (
        ["bad_request"] * 19
    )


async def test_limits_are_told_and_going_on_and_on_is_the_end(database: Database) -> None:
    async with open_server(
        database, sends_per_second=1, send_burst=2, frames_per_second=1_000, frame_burst=1_000
    ) as server:
        line = await server.joins("bo", "general")
        answers = [await line.ask("send", text="x") for _ in range(3)]
        assert [answer["type"] for answer in answers] == ["ack", "ack", "error"]
        assert answers[2]["code"] == "rate_limited"
        assert 0 < answers[2]["retry_after"] <= 1
        tab = await server.joins("bo", "general")
        assert (await tab.ask("send", text="x"))["code"] == "rate_limited", "a user has one rate"

        for _ in range(110):
            await line.sends("send", text="x")

        assert (await line.is_closed())[0] == 4129


# The token's end


async def test_the_end_of_a_token_is_announced_and_then_the_end(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    bo = await server.person("bo")
    # A minute and a bit are left: tokens end in whole seconds.
    server.clock.pass_time(seconds=15 * 60 - 61.25)
    late = await server.connects(bo)
    renewed = await server.connects(bo)
    for line in (late, renewed):
        await line.hears("welcome")
        assert (await line.hears("auth_expiring"))["expires_in"] in (59, 60)

    fresh = await renewed.ask("auth", token=server.token(bo))
    assert fresh["expires_in"] > 800

    # And now a bit.
    bo = await server.logs_in("bo")
    server.clock.pass_time(seconds=15 * 60 - 1.25)
    line = await server.connects(bo)
    assert (await line.is_closed())[0] == 4301
    assert [frame["type"] for frame in line.heard] == ["welcome", "auth_expiring"]
    assert (await renewed.ask("ping"))["type"] == "pong"


async def test_a_log_in_that_ends_sooner_than_the_token_ends_it(server: Server) -> None:
    bo = await server.person("bo")

    def shorten(connection: Any) -> None:
        ends = sessions.sessions.update().values(expires_at=server.clock() + 120_000)
        connection.execute(ends)

    await server.database.write(shorten)
    welcome = await (await server.connects(bo)).hears("welcome")

    assert 100 < welcome["expires_in"] <= 120


# Slow readers


@FAST
async def test_a_reader_that_falls_behind_is_cut_off(database: Database, fast: bool) -> None:
    async with open_server(
        database, max_unsent_bytes=65_536, limits={"realtime": {"slow_close_seconds": 0.05}}
    ) as server:
        ana = await server.joins("ana", "general")
        slow = await server.joins("bo", "general", fast=fast)
        slow.socket.stop_taking()

        for _ in range(40):
            await ana.ask("send", text="x" * 4_000)

        async with patience("the slow one to be let go"):
            await asyncio.wait([slow.socket.task])
        assert slow.socket.aborted or not fast
        assert await until_heard(ana, 40)
        again = await server.joins("bo", "general", since=slow.sequence.cursors["general"])
        assert len(slow.texts) + len(again.texts) == 40


async def test_those_who_hang_together_are_not_let_go_of_together(database: Database) -> None:
    async with open_server(
        database, max_unsent_bytes=65_536, limits={"realtime": {"slow_close_seconds": 0.2}}
    ) as server:
        ana = await server.joins("ana", "general")
        hanging = [await server.joins("bo", "general", fast=True) for _ in range(8)]
        ended: list[float] = []
        for line in hanging:
            line.socket.stop_taking()
            line.socket.task.add_done_callback(
                lambda _: ended.append(asyncio.get_running_loop().time())
            )

        for _ in range(40):
            await ana.ask("send", text="x" * 4_000)

        async with patience("them to be let go"):
            await asyncio.wait([line.socket.task for line in hanging])
        assert max(ended) - min(ended) > 0.02


async def until_heard(line: Any, count: int) -> bool:
    while len(line.texts) < count:
        await line.hears()
    return True


@FAST
async def test_a_slow_reader_that_reads_on_hears_why(database: Database, fast: bool) -> None:
    async with open_server(database, max_unsent_bytes=65_536) as server:
        ana = await server.joins("ana", "general")
        slow = await server.joins("bo", "general", fast=fast)
        slow.socket.stop_taking()
        for _ in range(40):
            await ana.ask("send", text="x" * 4_000)

        slow.socket.take()

        assert (await slow.is_closed())[0] == 4102


@FAST
async def test_a_long_replay_goes_at_the_readers_pace(database: Database, fast: bool) -> None:
    async with open_server(database, max_unsent_bytes=65_536) as server:
        ana = await server.joins("ana", "general")
        for _ in range(60):
            await ana.ask("send", text="x" * 4_000)
        last = await ana.ask("send", text="last")

        line = await server.connects("bo", "general", since=0, fast=fast)
        await line.hears("welcome")
        line.socket.stop_taking()
        await turns(200)
        line.socket.take()
        await line.hears_until(last["seq"])

        assert len(line.texts) == 61
        assert line.texts[-1] == "last"


@FAST
async def test_a_reader_that_stops_in_a_replay_is_cut_off(database: Database, fast: bool) -> None:
    async with open_server(
        database,
        max_unsent_bytes=65_536,
        limits={"realtime": {"replay_stall_seconds": 0.05, "slow_close_seconds": 0.05}},
    ) as server:
        ana = await server.joins("ana", "general")
        for _ in range(60):
            await ana.ask("send", text="x" * 4_000)
        await server.joins("bo", "general")

        line = await server.connects("bo", "general", since=0, fast=fast)
        await line.hears("welcome")
        line.socket.stop_taking()

        async with patience("the stalled one to be let go"):
            await asyncio.wait([line.socket.task])


# The end


@FAST
async def test_a_server_that_stops_says_when_to_come_back(server: Server, fast: bool) -> None:
    ana = await server.joins("ana", "general", fast=fast)
    asked = await ana.sends("send", text="in time")
    await turns(2)

    async with patience("the drain"):
        await server.runtime.drain()

    assert (await ana.is_closed())[0] == 4200
    assert (await ana.answer(asked))["type"] == "ack"
    drain = next(frame for frame in ana.heard if frame["type"] == "drain")
    assert 0 <= drain["reconnect_in_ms"] <= 1
    assert server.runtime.realtime.hub.deserted.is_set()


async def test_a_database_that_fails_at_the_handshake_is_unavailable(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        bo = await server.person("bo")
        gated.fails_with = Unavailable()
        line = await server.connects(bo)

        assert (await line.is_closed())[0] == 4103
        gated.fails_with = None


@FAST
async def test_a_fault_of_ours_is_an_internal_error(
    gated: GatedDatabase, caplog: pytest.LogCaptureFixture, fast: bool
) -> None:
    async with open_server(gated) as server:
        bo = await server.person("bo")
        gated.fails_with = ZeroDivisionError("ours")
        at_the_handshake = await server.connects(bo, fast=fast)
        assert (await at_the_handshake.is_closed())[0] == 4100
        gated.fails_with = None
        line = await server.connects(bo, fast=fast)
        await line.hears("welcome")
        await gated.quiet()
        gated.fails_with = ZeroDivisionError("ours")
        await line.sends("join", room="general")

        assert (await line.is_closed())[0] == 4100
        gated.fails_with = None
    assert "ZeroDivisionError" in caplog.text


@FAST
async def test_nothing_is_left_of_those_who_are_gone(server: Server, fast: bool) -> None:
    await server.room("den", members=["bo"])
    lines = [await server.joins("bo", "general", fast=fast) for _ in range(5)]
    for line in lines:
        await line.ask("join", room="den")

    for line in lines:
        await line.hang_up()

    runtime = server.runtime
    await until(runtime.realtime.hub.deserted.is_set, "all to be gone")
    assert not runtime.realtime.hub.listeners(server.room_id("den"))
    assert not runtime.realtime.activity._of
    assert all(room_feed.users == 0 for room_feed in runtime.realtime.feed._room_feeds.values())
