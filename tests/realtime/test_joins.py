"""Who may join a room, and what ends a join before it is done."""

import asyncio
from typing import Any

import pytest

from app.domain.appends import Ban, Remove, Send, UpdateRoom
from app.domain.connection_limits import MAX_ROOMS_PER_CONNECTION
from app.domain.errors import Unavailable
from tests.harness.databases import GatedDatabase
from tests.harness.patience import patience, turns, until
from tests.harness.server import Server, open_server
from tests.harness.socket_client import SocketClient

NO_GRACE = {"realtime": {"presence_grace_seconds": 0.0}}
"""Limits that let a user be absent at once."""


async def send_all(server: Server, *texts: str, room: str) -> list[int]:
    """Send messages as ana; their seqs."""
    done = [await server.append(Send, room, by="ana", text=text) for text in texts]
    return [d.seq or 0 for d in done]


async def user(server: Server, name: str) -> Any:
    return (await server.person(name)).user


# Who may join


async def test_joining_a_public_room_makes_its_user_a_member_once(server: Server) -> None:
    first = await server.connects("bo", "general", since=0)
    heard = await first.catches_up()
    again = await server.connects("bo", "general", since=0)

    assert [f["type"] for f in heard] == ["joined", "room.created", "member.joined"]
    assert heard[0]["role"] == "member"
    assert heard[0]["head"] == 2
    assert [f["type"] for f in await again.catches_up()] == [f["type"] for f in heard]


async def test_a_private_room_is_not_found_by_others(server: Server) -> None:
    await server.room("den", kind="private", members=["bo"])
    eve = await server.connects("eve")

    for room in ("den", "nowhere", "no..name", "DEN"):
        error = await eve.ask("join", room=room)
        assert (error["type"], error["code"]) == ("error", "room_not_found")
    assert (await eve.ask("ping"))["type"] == "pong"


async def test_failing_to_join_the_room_in_the_path_closes_the_connection(server: Server) -> None:
    await server.room("den", kind="private")
    client = await server.connects("eve", "den")

    code, reason = await client.is_closed()

    assert code == 4004
    assert reason.startswith("room_not_found")


async def test_a_banned_user_can_not_join(server: Server) -> None:
    await server.room("den", members=["bo"])
    await server.append(Ban, "den", by="ana", user=await user(server, "bo"), on=True)

    client = await server.connects("bo", "den")
    other = await server.connects("bo")

    assert (await client.is_closed())[0] == 4003
    assert (await other.ask("join", room="den"))["code"] == "banned"


async def test_an_archived_room_can_be_read(server: Server) -> None:
    await server.room("den", members=["bo"])
    await send_all(server, "hi", room="den")
    await server.append(UpdateRoom, "den", by="ana", archived=True)

    client = await server.joins("bo", "den", since=0)

    assert client.texts == ["hi"]
    assert (await client.ask("send", text="x"))["code"] == "forbidden"


@pytest.mark.limits(realtime={"max_rooms_per_connection": 2})
async def test_the_number_of_rooms_per_connection_is_limited(server: Server) -> None:
    assert MAX_ROOMS_PER_CONNECTION == 64
    for name in ("one", "two", "three"):
        await server.room(name)
    client = await server.connects("ana")

    assert (await client.ask("join", room="one"))["type"] == "joined"
    assert (await client.ask("join", room="two"))["type"] == "joined"
    assert (await client.ask("join", room="three"))["code"] == "conflict"
    assert (await client.ask("join", room="two", since=0))["type"] == "joined"
    await client.ask("leave", room="one")
    assert (await client.ask("join", room="three"))["type"] == "joined"


# Changes during a join


@pytest.mark.parametrize("since", [None, 1])
async def test_a_removal_before_the_check_fails_the_join(
    gated: GatedDatabase, since: int | None
) -> None:
    async with open_server(gated) as server:
        await server.room("den", kind="private", members=["bo"])
        bo = await server.connects("bo")
        await bo.hears("welcome")
        await gated.quiet()
        bo_id = await user(server, "bo")

        with gated.holding_reads() as gate:
            fields = {} if since is None else {"since": since}
            asked = await bo.sends("join", room="den", **fields)
            await until(lambda: gate.waiting, "the check")
            await server.append(Remove, "den", by="ana", user=bo_id)

        assert (await bo.answer(asked))["code"] == "room_not_found"
        await send_all(server, "about bo", room="den")
        assert bo.texts == []


async def test_a_log_out_before_the_log_in_is_read_closes_the_connection(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated) as server:
        bo = await server.person("bo")
        with gated.holding_reads() as gate:
            client = await server.connects(bo, "general")
            await until(lambda: gate.waiting, "the reading of the log-in")
            await server.logs_out(bo)

        assert (await client.is_closed())[0] == 4001
        assert client.events == []


async def test_a_log_out_after_the_log_in_is_read_closes_the_connection(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated) as server:
        bo = await server.person("bo")
        with gated.holding_reads(but=1) as gate:
            client = await server.connects(bo, "general")
            await until(lambda: gate.waiting, "the check")
            await server.logs_out(bo)

        assert (await client.is_closed())[0] == 4001
        assert client.events == []
        assert not server.runtime.realtime.hub.subscriptions(server.room_id("general"))


async def test_a_user_removed_and_added_again_before_the_check_joins(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        await server.room("den", kind="private", members=["bo"])
        await server.joins("ana", "den")
        bo = await server.connects("bo")
        await bo.hears("welcome")
        await gated.quiet()
        bo_id = await user(server, "bo")

        with gated.holding_reads() as gate:
            asked = await bo.sends("join", room="den", since=1)
            await until(lambda: gate.waiting, "the check")
            await server.append(Remove, "den", by="ana", user=bo_id)
            await server.admit("den", "bo", by="ana")

        joined = await bo.answer(asked)
        await bo.hears_until(joined["head"])
        [said] = await send_all(server, "welcome back", room="den")
        await bo.hears_until(said)
        assert bo.texts == ["welcome back"]


# Leaving and joining again


@pytest.mark.parametrize("since", [None, 0])
async def test_a_leave_right_behind_a_join_leaves(gated: GatedDatabase, since: int | None) -> None:
    async with open_server(gated, limits=NO_GRACE) as server:
        await server.room("den")
        ana = await server.connects("ana")
        await ana.hears("welcome")
        await gated.quiet()
        fields = {} if since is None else {"since": since}

        with gated.holding_reads() as gate:
            joining = await ana.sends("join", room="den", **fields)
            leaving = await ana.sends("leave", room="den")
            await until(lambda: gate.waiting, "the check")

        assert (await ana.answer(leaving))["type"] == "ack"
        assert (await ana.answer(joining))["type"] in ("joined", "error")
        await send_all(server, "hi", room="den")
        await ana.ask("ping")
        assert ana.texts == []
        assert not server.runtime.realtime.hub.subscriptions(server.room_id("den"))
        presence, room = server.runtime.realtime.presence, server.room_id("den")
        await until(lambda: presence.count(room) == 0, "ana to be absent")


def has_unread_frames(client: SocketClient) -> bool:
    return not client.socket._from_app.empty()


@pytest.mark.parametrize("since", [None, 0])
async def test_a_second_join_during_the_first_replaces_it(
    gated: GatedDatabase, since: int | None
) -> None:
    async with open_server(gated, limits=NO_GRACE) as server:
        await server.room("den")
        await send_all(server, *"abc", room="den")
        ana = await server.connects("ana")
        await ana.hears("welcome")
        await gated.quiet()
        fields = {} if since is None else {"since": since}

        with gated.holding_reads(but=1) as gate:
            one = await ana.sends("join", room="den", **fields)
            await until(lambda: gate.waiting, "the first replay")
            two = await ana.sends("join", room="den", **fields)
            await turns()

        assert (await ana.answer(one))["type"] in ("error", "joined")
        assert (await ana.answer(two))["type"] == "joined"
        assert len(server.runtime.realtime.hub.subscriptions(server.room_id("den"))) == 1
        [said] = await send_all(server, "d", room="den")
        await ana.hears_until(said)
        await ana.ask("leave", room="den")
        presence, room = server.runtime.realtime.presence, server.room_id("den")
        await until(lambda: presence.count(room) == 0, "ana to be absent")


async def test_a_connection_lost_while_joining_leaves_nothing_behind(gated: GatedDatabase) -> None:
    async with open_server(gated, limits={"realtime": {"room_feed_idle_seconds": 0.0}}) as server:
        await server.room("den")
        for passing in range(6):
            with gated.holding_reads(but=passing) as gate:
                client = await server.connects("ana", "den", since=0)
                await until(lambda at=client: gate.waiting or has_unread_frames(at), "it")
                await turns()
                hanging_up = asyncio.create_task(client.hang_up())
                await turns()
            async with patience("the end"):
                await hanging_up

        runtime, room = server.runtime, server.room_id("den")
        assert runtime.realtime.hub.deserted.is_set()
        assert not runtime.realtime.hub.subscriptions(room)
        await until(lambda: not runtime.realtime.feed.room_ids(), "the feed to be released")


async def test_a_join_can_be_retried_after_the_database_has_failed(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        client = await server.connects("ana")
        await client.hears("welcome")
        await gated.quiet()

        gated.fails_with = Unavailable()
        error = await client.ask("join", room="den")
        gated.fails_with = None

        assert (error["code"], error["retry_after"]) == ("unavailable", 1.0)
        assert (await client.ask("join", room="den"))["type"] == "joined"


async def test_a_join_that_was_left_before_it_was_decided_is_a_conflict(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        ana = await server.connects("ana")
        await ana.hears("welcome")
        await gated.quiet()

        with gated.holding_reads() as gate:
            joining = await ana.sends("join", room="den")
            await ana.sends("leave", room="den")
            await until(lambda: gate.waiting, "the check")
            await turns()

        refused = await ana.answer(joining)
        assert (refused["type"], refused["code"]) == ("error", "conflict")
        assert "left" in refused["detail"]
