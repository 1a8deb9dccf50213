"""The life of a socket: opening, limits, closing."""

import pytest

from app.domain.errors import Unavailable
from app.store.database import Database
from tests.harness.databases import GatedDatabase
from tests.harness.patience import until
from tests.harness.server import Server, open_server

FAST = pytest.mark.parametrize("fast", [False, True], ids=["asgi", "transport"])


@FAST
async def test_welcome_is_the_first_frame_and_lists_the_rooms(server: Server, fast: bool) -> None:
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
async def test_a_refused_connection_is_accepted_and_closed_with_a_reason(
    server: Server, fast: bool, path: str | None, query: str, code: int
) -> None:
    client = await server.connects(None, path, query=query, fast=fast)

    found, reason = await client.is_closed()

    assert found == code
    assert reason
    assert client.socket.accepted.is_set()
    assert client.heard == []


async def test_after_a_log_out_no_room_is_joined_or_revealed(server: Server) -> None:
    await server.room("secret", kind="private")
    ana = await server.joins("ana", "general")
    head = ana.sequence.cursors["general"]
    eve = await server.person("eve")
    await server.logs_out(eve)

    for room in ("general", "secret", "nowhere"):
        assert (await (await server.connects(eve, room)).is_closed())[0] == 4001

    # No join was appended in between.
    assert (await ana.ask("send", text="hello"))["seq"] == head + 1


async def test_connecting_to_a_room_is_one_read_and_one_write(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated) as server:
        for _ in range(2):
            # The first one opens the feed of the room.
            bo = await server.joins("bo", "general")
            await gated.quiet()
        await server.person("bo")
        reads = gated.reads

        bo = await server.joins("bo", "general", fast=True)

        assert gated.reads == reads + 1
        assert [frame["type"] for frame in bo.heard[:2]] == ["welcome", "joined"]
        assert bo.heard[-1]["type"] == "caught_up"
        assert len(bo.socket.writes) == 1


async def test_welcome_does_not_wait_for_the_join(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        bo = await server.person("bo")
        # The room has to be looked up first: the join takes a second read.
        with gated.holding_reads(but=1) as gate:
            client = await server.connects(bo, "general", fast=True)

            assert (await client.hears())["type"] == "welcome"
            await until(lambda: gate.waiting, "the read for the join")
        await client.catches_up()


@pytest.mark.parametrize("but", [0, 1], ids=["the log-in is read", "the rooms are read"])
async def test_frames_that_are_no_replies_wait_for_welcome(gated: GatedDatabase, but: int) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        bo = await server.person("bo")

        with gated.holding_read_results(but=but) as gate:
            client = await server.connects(bo)
            await until(lambda: gate.waiting, "the read")
            await server.admit("den", "bo", by="ana")
        await client.hears("welcome")

        assert (await client.hears("added"))["room"] == "den"


async def test_no_room_is_revealed_after_the_log_in_has_ended(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        bo = await server.person("bo")
        await server.logs_out(bo)

        with gated.holding_reads() as gate:
            client = await server.connects(bo)
            await until(lambda: gate.waiting, "the read")
            await server.admit("den", "bo", by="ana")

        code, _ = await client.is_closed()
        assert (code, client.heard) == (4001, [])


async def test_another_path_is_refused_before_it_is_accepted(server: Server) -> None:
    client = await server.connects("bo", "den/attic")

    assert (await client.is_closed())[0] in (None, 1000)
    assert not client.socket.accepted.is_set()


@FAST
async def test_connections_per_user_are_limited(database: Database, fast: bool) -> None:
    async with open_server(database, max_connections_per_user=2) as server:
        clients = [await server.connects("bo", fast=fast) for _ in range(2)]
        for client in clients:
            await client.hears("welcome")
        third = await server.connects("bo", fast=fast)
        assert (await third.is_closed())[0] == 4109

        await clients[0].hang_up()
        again = await server.connects("bo", fast=fast)

        assert (await again.hears())["type"] == "welcome"
        assert (await (await server.connects("eve")).hears())["type"] == "welcome"


@FAST
async def test_too_many_bad_frames_close_the_connection(server: Server, fast: bool) -> None:
    client = await server.joins("bo", "general", fast=fast)

    for n in range(20):
        await client.types(b"\0" if n % 2 else "{")

    code, _ = await client.is_closed()
    assert code == 4000
    assert [frame["code"] for frame in client.heard if frame["type"] == "error"] == (
        ["bad_request"] * 19
    )


async def test_ignoring_the_rate_limit_closes_the_connection(database: Database) -> None:
    # So slow that none comes back during the test, however long it takes.
    limits = {"messages": {"sends_per_second": 0.001, "send_burst": 2}}
    async with open_server(database, limits=limits) as server:
        client = await server.joins("bo", "general")
        answers = [await client.ask("send", text="x") for _ in range(3)]
        assert [answer["type"] for answer in answers] == ["ack", "ack", "error"]
        assert answers[2]["code"] == "rate_limited"
        assert 0 < answers[2]["retry_after"] <= 1_000
        tab = await server.joins("bo", "general")
        assert (await tab.ask("send", text="x"))["code"] == "rate_limited", "the limit is per user"

        for _ in range(110):
            await client.sends("send", text="x")

        assert (await client.is_closed())[0] == 4129


# The end


async def test_a_failing_database_closes_a_new_connection(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        bo = await server.person("bo")
        gated.fails_with = Unavailable()
        client = await server.connects(bo)

        assert (await client.is_closed())[0] == 4103
        gated.fails_with = None


@FAST
async def test_a_bug_closes_the_connection_and_is_logged(
    gated: GatedDatabase, caplog: pytest.LogCaptureFixture, fast: bool
) -> None:
    async with open_server(gated) as server:
        bo = await server.person("bo")
        gated.fails_with = ZeroDivisionError("a bug")
        at_the_handshake = await server.connects(bo, fast=fast)
        assert (await at_the_handshake.is_closed())[0] == 4100
        gated.fails_with = None
        client = await server.connects(bo, fast=fast)
        await client.hears("welcome")
        await gated.quiet()
        gated.fails_with = ZeroDivisionError("a bug")
        await client.sends("join", room="general")

        assert (await client.is_closed())[0] == 4100
        gated.fails_with = None
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.limits(realtime={"room_feed_idle_seconds": 0.0})
@FAST
async def test_closed_connections_leave_nothing_behind(server: Server, fast: bool) -> None:
    await server.room("den", members=["bo"])
    clients = [await server.joins("bo", "general", fast=fast) for _ in range(5)]
    for client in clients:
        await client.ask("join", room="den")

    for client in clients:
        await client.hang_up()

    runtime = server.runtime
    await until(runtime.realtime.hub.deserted.is_set, "all connections to end")
    assert not runtime.realtime.hub.subscriptions(server.room_id("den"))
    await until(lambda: not runtime.realtime.feed.room_ids(), "the feeds to be released")
