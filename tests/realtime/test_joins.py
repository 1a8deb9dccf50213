"""Joining without a hole, without a buffer."""

import asyncio
import random
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.appends import Ban, Delete, Remove, Send, UpdateRoom
from app.domain.errors import Unavailable
from app.domain.limits import MAX_ROOMS_PER_CONNECTION
from app.store.database import Database
from tests.harness.databases import GatedDatabase
from tests.harness.patience import patience, turns, until
from tests.harness.server import Server, open_server
from tests.harness.socket_client import SocketClient


async def says(server: Server, *texts: str, room: str = "general", by: str = "ana") -> list[int]:
    """Ana says something; the numbers that it got."""
    done = [await server.append(Send, room, by=by, text=text) for text in texts]
    return [d.seq or 0 for d in done]


async def user(server: Server, name: str) -> Any:
    return (await server.person(name)).user


# Where a replay begins, and what it holds


async def test_joining_a_public_room_makes_one_a_member_once(server: Server) -> None:
    first = await server.connects("bo", "general", since=0)
    heard = await first.catches_up()
    again = await server.connects("bo", "general", since=0)

    assert [f["type"] for f in heard] == ["joined", "room.created", "member.joined"]
    assert heard[0]["role"] == "member"
    assert heard[0]["head"] == 2
    assert [f["type"] for f in await again.catches_up()] == [f["type"] for f in heard]


async def test_without_since_the_newest_messages_come_whole(server: Server) -> None:
    ana = await server.joins("ana", "general")
    numbers = [(await ana.ask("send", text=str(n)))["seq"] for n in range(60)]
    await ana.ask("react", ref=numbers[-1], emoji="👍", on=True)

    line = await server.connects("ana", "general", limit=3)
    [joined, *messages] = await line.catches_up()

    assert [m["text"] for m in messages] == ["57", "58", "59"]
    assert messages[-1]["reactions"] == {"👍": ["ana"]}
    assert line.sequence.cursors["general"] == joined["head"] == numbers[-1] + 1
    plain = await server.connects("ana", "general")
    assert len(await plain.catches_up()) == 1 + 50


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1_300])
async def test_a_replay_may_be_of_any_length(server: Server, count: int) -> None:
    await server.room("den")
    if count:
        await asyncio.gather(*(says(server, str(n), room="den") for n in range(count)))

    line = await server.connects("ana", "den", since=0)
    [joined, *events] = await line.catches_up()

    assert [e["seq"] for e in events] == list(range(1, joined["head"] + 1))
    assert sorted(int(text) for text in line.texts) == list(range(count))


async def test_a_replay_from_the_head_is_empty(server: Server) -> None:
    await server.room("den")
    await says(server, "hi", room="den")

    line = await server.connects("ana", "den", since=2)

    assert [f["type"] for f in await line.catches_up()] == ["joined"]


@pytest.mark.parametrize(
    ("resume_request", "reason"),
    [
        pytest.param({"since": 99}, "ahead", id="beyond the head"),
        pytest.param({"since": 0, "limit": 2}, "gap", id="more than asked for"),
        pytest.param({"since": 2, "epoch": "other"}, "epoch", id="another history"),
        pytest.param({"epoch": "other"}, "epoch", id="another history, from nowhere"),
    ],
)
async def test_what_can_t_be_carried_on_is_reset_and_not_joined(
    server: Server, resume_request: dict[str, Any], reason: str
) -> None:
    await server.room("den")
    await says(server, "one", "two", room="den")
    line = await server.connects("ana")
    await line.hears("welcome")

    reset = await line.ask("join", room="den", **resume_request)

    assert reset["type"] == "reset"
    assert (reset["reason"], reset["head"], reset["first"]) == (reason, 3, 1)
    assert reset["epoch"] == server.runtime.log.epoch.name
    await says(server, "three", room="den")
    await line.nothing_more()
    assert not server.runtime.realtime.hub.listeners(server.room_id("den"))


async def test_what_is_no_longer_kept_is_reset(server: Server) -> None:
    await server.room("den")
    await says(server, "one", "two", room="den")
    await server.database.write(
        lambda c: c.execute(sa.text("UPDATE rooms SET first=2 WHERE id=2"))
    )
    line = await server.connects("ana")

    assert (await line.ask("join", room="den", since=0))["reason"] == "gone"
    joined = await line.ask("join", room="den", since=1)
    assert (joined["type"], joined["first"]) == ("joined", 2)


async def test_the_right_epoch_and_a_limit_that_suffices_are_joined(server: Server) -> None:
    await server.room("den")
    await says(server, "one", room="den")
    line = await server.connects("ana")

    joined = await line.ask(
        "join", room="den", since=0, limit=2, epoch=server.runtime.log.epoch.name
    )

    assert joined["type"] == "joined"


# Who may


async def test_a_room_that_is_not_ones_own_is_not_there(server: Server) -> None:
    await server.room("den", kind="private", members=["bo"])
    eve = await server.connects("eve")

    for room in ("den", "nowhere", "no..name", "DEN"):
        error = await eve.ask("join", room=room)
        assert (error["type"], error["code"]) == ("error", "room_not_found")
    assert (await eve.ask("ping"))["type"] == "pong"


async def test_failing_to_join_the_room_of_the_path_ends_it(server: Server) -> None:
    await server.room("den", kind="private")
    line = await server.connects("eve", "den")

    code, reason = await line.is_closed()

    assert code == 4004
    assert reason.startswith("room_not_found")


async def test_the_banned_stay_out(server: Server) -> None:
    await server.room("den", members=["bo"])
    await server.append(Ban, "den", by="ana", user=await user(server, "bo"), on=True)

    line = await server.connects("bo", "den")
    other = await server.connects("bo")

    assert (await line.is_closed())[0] == 4003
    assert (await other.ask("join", room="den"))["code"] == "banned"


async def test_an_archived_room_can_be_read(server: Server) -> None:
    await server.room("den", members=["bo"])
    await says(server, "hi", room="den")
    await server.append(UpdateRoom, "den", by="ana", archived=True)

    line = await server.joins("bo", "den", since=0)

    assert line.texts == ["hi"]
    assert (await line.ask("send", text="x"))["code"] == "forbidden"


@pytest.mark.limits(realtime={"max_rooms_per_connection": 2})
async def test_a_connection_joins_so_many_rooms(server: Server) -> None:
    assert MAX_ROOMS_PER_CONNECTION == 64
    for name in ("one", "two", "three"):
        await server.room(name)
    line = await server.connects("ana")

    assert (await line.ask("join", room="one"))["type"] == "joined"
    assert (await line.ask("join", room="two"))["type"] == "joined"
    assert (await line.ask("join", room="three"))["code"] == "conflict"
    assert (await line.ask("join", room="two", since=0))["type"] == "joined"
    await line.ask("leave", room="one")
    assert (await line.ask("join", room="three"))["type"] == "joined"


# The seam


@pytest.mark.parametrize("since", [None, 0, 1])
async def test_joiners_during_heavy_writing_miss_and_double_nothing(
    server: Server, since: int | None
) -> None:
    # Every frame passes the harness's SequenceChecker, which fails at a hole or a repetition.
    chance = random.Random(since)
    writers = [await server.joins(name, "general") for name in ("ana", "bo", "cy")]
    total = 400

    async def write(line: Any) -> None:
        for n in range(total // len(writers)):
            await line.sends("send", text=str(n))
            if chance.random() < 0.3:
                await turns(chance.randrange(20))

    async def join() -> Any:
        await turns(chance.randrange(2_000))
        how = {} if since is None else {"since": since}
        line = await server.connects("dan", "general", **how)
        await line.catches_up()
        return line

    writing = asyncio.gather(*map(write, writers))
    joiners = await asyncio.gather(*(join() for _ in range(40)))
    await writing
    last = await writers[0].ask("send", text="the end")

    for line in joiners:
        await line.hears_until(last["seq"])
        assert line.sequence.cursors["general"] == last["seq"]


async def test_a_hole_between_snapshot_and_replay_is_filled(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        ana = await server.joins("ana", "den")
        line = await server.connects("ana")
        await line.hears("welcome")

        with gated.holding_reads() as gate:
            asked = await line.sends("join", room="den", since=0)
            await until(lambda: gate.waiting, "the join's read")
            await ana.ask("send", text="meanwhile")

        assert (await line.answer(asked))["head"] == 2
        await line.hears_until(2)
        assert line.texts == ["meanwhile"]


async def test_the_newest_page_is_not_ahead_of_what_has_been_delivered(
    gated: GatedDatabase,
) -> None:
    # What another node commits is on disk before this node has heard of it.
    async with open_server(gated) as server, open_server(gated._database) as elsewhere:
        await server.room("den")
        ana = await server.joins("ana", "den")
        line = await server.connects("ana")
        await line.hears("welcome")
        await gated.quiet()
        elsewhere.shares_people_with(server)

        with gated.holding_reads() as gate:
            asked = await line.sends("join", room="den")
            await until(lambda: gate.waiting, "the snapshot")
        await until(lambda: gated.reads and not gate.waiting)
        numbers = await says(elsewhere, "one", "two", room="den")
        server.runtime.realtime.feed.on_head(server.room_id("den"), numbers[-1])

        await line.answer(asked)
        await line.hears_until(numbers[-1])
        await ana.hears_until(numbers[-1])


# What ends while one joins


async def test_a_ban_between_the_check_and_the_replay_ends_the_join(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        await server.room("den", members=["bo"])
        await server.joins("ana", "den")
        bo = await server.connects("bo")
        await bo.hears("welcome")
        await gated.quiet()
        bo_id = await user(server, "bo")

        # The check has been made; the first page of the replay is what waits.
        with gated.holding_reads(but=1) as gate:
            asked = await bo.sends("join", room="den", since=0)
            await until(lambda: gate.waiting, "the page")
            await server.append(Ban, "den", by="ana", user=bo_id, on=True)
            await says(server, "about bo", room="den")

        assert (await bo.answer(asked))["type"] == "joined"
        assert (await bo.hears_until(3))[-1]["type"] == "member.left"
        assert (await bo.hears("removed"))["reason"] == "banned"
        await bo.nothing_more()
        assert "about bo" not in bo.texts


@pytest.mark.parametrize("since", [None, 1])
async def test_a_removal_before_the_check_is_seen_by_the_check(
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
        await says(server, "about bo", room="den")
        assert bo.texts == []


async def test_a_log_out_before_the_log_in_is_read_ends_the_connection(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated) as server:
        bo = await server.person("bo")
        with gated.holding_reads() as gate:
            line = await server.connects(bo, "general")
            await until(lambda: gate.waiting, "the reading of the log-in")
            await server.logs_out(bo)

        assert (await line.is_closed())[0] == 4001
        assert line.events == []


async def test_a_log_out_after_the_log_in_is_read_ends_the_connection(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated) as server:
        bo = await server.person("bo")
        with gated.holding_reads(but=1) as gate:
            line = await server.connects(bo, "general")
            await until(lambda: gate.waiting, "the check")
            await server.logs_out(bo)

        assert (await line.is_closed())[0] == 4001
        assert line.events == []
        assert not server.runtime.realtime.hub.listeners(server.room_id("general"))


async def test_one_who_was_removed_and_added_again_meanwhile_is_in(gated: GatedDatabase) -> None:
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
        [said] = await says(server, "welcome back", room="den")
        await bo.hears_until(said)
        assert bo.texts == ["welcome back"]


# One who changes their mind


@pytest.mark.parametrize("since", [None, 0])
async def test_leaving_right_after_joining_leaves(gated: GatedDatabase, since: int | None) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        ana = await server.connects("ana")
        await ana.hears("welcome")
        await gated.quiet()
        fields = {} if since is None else {"since": since}

        with gated.holding_reads() as gate:
            joining = await ana.sends("join", room="den", **fields)
            membership_removal = await ana.sends("leave", room="den")
            await until(lambda: gate.waiting, "the check")

        assert (await ana.answer(membership_removal))["type"] == "ack"
        assert (await ana.answer(joining))["type"] in ("joined", "error")
        await says(server, "hi", room="den")
        await ana.ask("ping")
        assert ana.texts == []
        assert tabs(server, "den") == 0


def tabs(server: Server, room: str) -> int:
    """How many listen, as presence has it; one who leaves is present for a while."""
    here = server.runtime.realtime.presence._rooms.get(server.room_id(room))
    return 0 if here is None else sum(here.tabs.values())


@pytest.mark.parametrize("passing", [0, 1, 2])
async def test_leaving_at_any_moment_of_a_replay_is_the_last_of_the_room(
    gated: GatedDatabase, passing: int
) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        await says(server, *"abc", room="den")
        ana = await server.connects("ana")
        await ana.hears("welcome")
        await gated.quiet()

        with gated.holding_reads(but=passing) as gate:
            await ana.sends("join", room="den", since=0)
            await until(lambda: gate.waiting or has_something_to_hear(ana), "a moment")
            membership_removal = await ana.sends("leave", room="den")
            await turns()

        # The SequenceChecker fails if anything of the room follows.
        assert (await ana.answer(membership_removal))["type"] == "ack"
        await ana.ask("ping")
        assert tabs(server, "den") == 0


def has_something_to_hear(line: SocketClient) -> bool:
    return not line.socket._from_app.empty()


@pytest.mark.parametrize("since", [None, 0])
async def test_joining_twice_at_once_is_answered_anew(
    gated: GatedDatabase, since: int | None
) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        await says(server, *"abc", room="den")
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
        assert tabs(server, "den") == 1
        [said] = await says(server, "d", room="den")
        await ana.hears_until(said)
        await ana.ask("leave", room="den")
        assert len(server.runtime.realtime.hub.listeners(server.room_id("den"))) == 0


async def test_joining_a_joined_room_is_answered_anew(server: Server) -> None:
    await server.room("den")
    ana = await server.joins("ana", "den")
    await says(server, "one", room="den")
    await ana.hears_until(2)

    assert (await ana.ask("join", room="den", since=0))["head"] == 2
    events = await ana.hears_until(2)
    assert [e["seq"] for e in events] == [1, 2]
    await ana.hears("caught_up")
    await says(server, "two", room="den")
    assert await ana.hears_texts(1) == ["two"]


async def test_being_cut_while_joining_leaves_nothing_behind(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        for passing in range(6):
            with gated.holding_reads(but=passing) as gate:
                line = await server.connects("ana", "den", since=0)
                await until(lambda at=line: gate.waiting or has_something_to_hear(at), "it")
                await turns()
                hanging_up = asyncio.create_task(line.hang_up())
                await turns()
            async with patience("the end"):
                await hanging_up

        runtime, room = server.runtime, server.room_id("den")
        assert runtime.realtime.hub.deserted.is_set()
        assert not runtime.realtime.hub.listeners(room)
        room_feed = runtime.realtime.feed._room_feeds.get(room)
        assert room_feed is None or room_feed.users == 0


async def test_a_database_that_fails_is_unavailable_and_can_be_tried_again(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        line = await server.connects("ana")
        await line.hears("welcome")
        await gated.quiet()

        gated.fails_with = Unavailable()
        error = await line.ask("join", room="den")
        gated.fails_with = None

        assert (error["code"], error["retry_after"]) == ("unavailable", 1.0)
        assert (await line.ask("join", room="den"))["type"] == "joined"


# Nothing deleted is ever sent again


async def test_what_was_deleted_is_in_no_replay(server: Server, database: Database) -> None:
    ana = await server.joins("ana", "general")
    said = (await ana.ask("send", text="a secret"))["seq"]
    await ana.ask("edit", ref=said, text="another secret")
    kept = (await ana.ask("send", text="kept"))["seq"]
    await ana.ask("edit", ref=kept, text="kept, and better")
    await ana.ask("delete", ref=said)

    from_tail = await server.joins("bo", "general", since=0)
    newest = await server.joins("bo", "general")
    async with open_server(database) as restarted:
        restarted.shares_people_with(server)
        from_disk = await restarted.joins("bo", "general", since=0)

    assert from_tail.events == from_disk.events
    for line in (from_tail, newest, from_disk):
        assert "secret" not in str(line.heard)
        assert line.texts[-1] == "kept, and better"


@pytest.mark.parametrize("since", [None, 0], ids=["newest", "log"])
async def test_what_is_deleted_while_a_page_is_read_is_read_anew(
    gated: GatedDatabase, since: int | None
) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        [secret] = await says(server, "a secret", room="den")
        line = await server.connects("ana")
        await line.hears("welcome")
        await gated.quiet()
        fields = {} if since is None else {"since": since}

        # The check, and then the page.
        with gated.holding_read_results(but=1) as gate:
            asked = await line.sends("join", room="den", **fields)
            await until(lambda: gate.waiting, "the page")
            await server.append(Delete, "den", by="ana", ref=secret)

        await line.answer(asked)
        heard = await line.catches_up()
        assert line.texts == [None]
        assert line.sequence.cursors["den"] == secret + 1, heard
