"""Replays: what they send, and their seam to live events."""

import asyncio
import random
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.appends import Ban, Send
from tests.harness.databases import GatedDatabase
from tests.harness.patience import turns, until
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


# What is replayed


async def test_without_since_the_newest_messages_come_as_they_are_now(server: Server) -> None:
    ana = await server.joins("ana", "general")
    numbers = [(await ana.ask("send", text=str(n)))["seq"] for n in range(60)]
    await ana.ask("react", ref=numbers[-1], emoji="👍", on=True)

    client = await server.connects("ana", "general", limit=3)
    [joined, *messages] = await client.catches_up()

    assert [m["text"] for m in messages] == ["57", "58", "59"]
    assert messages[-1]["reactions"] == {"👍": ["ana"]}
    assert client.sequence.cursors["general"] == joined["head"] == numbers[-1] + 1
    plain = await server.connects("ana", "general")
    assert len(await plain.catches_up()) == 1 + 50


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1_300])
async def test_a_replay_may_be_of_any_length(server: Server, count: int) -> None:
    await server.room("den")
    if count:
        await asyncio.gather(*(send_all(server, str(n), room="den") for n in range(count)))

    client = await server.connects("ana", "den", since=0)
    [joined, *events] = await client.catches_up()

    assert [e["seq"] for e in events] == list(range(1, joined["head"] + 1))
    assert sorted(int(text) for text in client.texts) == list(range(count))


async def test_a_replay_from_the_head_is_empty(server: Server) -> None:
    await server.room("den")
    await send_all(server, "hi", room="den")

    client = await server.connects("ana", "den", since=2)

    assert [f["type"] for f in await client.catches_up()] == ["joined"]


@pytest.mark.parametrize(
    ("resume_request", "reason"),
    [
        pytest.param({"since": 99}, "ahead", id="a since beyond the head"),
        pytest.param({"since": 0, "limit": 2}, "gap", id="more events than the limit"),
        pytest.param({"since": 2, "epoch": "other"}, "epoch", id="another history"),
        pytest.param({"epoch": "other"}, "epoch", id="another history, without since"),
    ],
)
async def test_a_client_that_cannot_resume_gets_a_reset_and_no_subscription(
    server: Server, resume_request: dict[str, Any], reason: str
) -> None:
    await server.room("den")
    await send_all(server, "one", "two", room="den")
    client = await server.connects("ana")
    await client.hears("welcome")

    reset = await client.ask("join", room="den", **resume_request)

    assert reset["type"] == "reset"
    assert (reset["reason"], reset["head"], reset["first"]) == (reason, 3, 1)
    assert reset["epoch"] == server.runtime.log.epoch.name
    await send_all(server, "three", room="den")
    await client.nothing_more()
    assert not server.runtime.realtime.hub.subscriptions(server.room_id("den"))


async def test_events_that_retention_has_removed_are_a_reset(server: Server) -> None:
    await server.room("den")
    await send_all(server, "one", "two", room="den")
    await server.database.write(
        lambda c: c.execute(sa.text("UPDATE rooms SET first=2 WHERE id=2"))
    )
    client = await server.connects("ana")

    assert (await client.ask("join", room="den", since=0))["reason"] == "gone"
    joined = await client.ask("join", room="den", since=1)
    assert (joined["type"], joined["first"]) == ("joined", 2)


async def test_a_matching_epoch_and_a_sufficient_limit_are_a_resume(server: Server) -> None:
    await server.room("den")
    await send_all(server, "one", room="den")
    client = await server.connects("ana")

    joined = await client.ask(
        "join", room="den", since=0, limit=2, epoch=server.runtime.log.epoch.name
    )

    assert joined["type"] == "joined"


async def test_joining_a_joined_room_replays_it_again(server: Server) -> None:
    await server.room("den")
    ana = await server.joins("ana", "den")
    await send_all(server, "one", room="den")
    await ana.hears_until(2)

    assert (await ana.ask("join", room="den", since=0))["head"] == 2
    events = await ana.hears_until(2)
    assert [e["seq"] for e in events] == [1, 2]
    await ana.hears("caught_up")
    await send_all(server, "two", room="den")
    assert await ana.hears_texts(1) == ["two"]


@pytest.mark.parametrize("since", [None, 0], ids=["newest", "log"])
async def test_caught_up_echoes_the_id_of_the_join(server: Server, since: int | None) -> None:
    client = await server.connects("ana")
    fields = {} if since is None else {"since": since}

    asked = await client.sends("join", room="general", **fields)
    await client.hears("welcome")
    await client.answer(asked)
    while (frame := await client.hears())["type"] != "caught_up":
        pass

    assert frame["re"] == asked


@pytest.mark.limits(realtime={"presence_grace_seconds": 0.0})
async def test_joined_lists_who_is_present_and_the_others_are_told(server: Server) -> None:
    await server.room("den", members=["bo"])
    ana = await server.joins("ana", "den")

    bo = await server.connects("bo", "den")
    [joined, *_] = await bo.catches_up()
    presence = await ana.hears("presence")
    while presence["by"] != "bo":
        presence = await ana.hears("presence")

    assert (joined["present"], joined["present_count"]) == (["ana", "bo"], 2)
    assert joined["display_names"] == {"ana": "Ana", "bo": "Bo"}
    assert (presence["room"], presence["online"]) == ("den", True)


# The seam between replay and live


@pytest.mark.parametrize("since", [None, 0, 1])
async def test_joins_during_heavy_writing_have_no_gap_and_no_duplicate(
    server: Server, since: int | None
) -> None:
    # The harness's SequenceChecker fails at a gap or a duplicate in any client's frames.
    rng = random.Random(since)
    writers = [await server.joins(name, "general") for name in ("ana", "bo", "cy")]
    total = 400

    async def write(client: Any) -> None:
        for n in range(total // len(writers)):
            await client.sends("send", text=str(n))
            if rng.random() < 0.3:
                await turns(rng.randrange(20))

    async def join() -> Any:
        await turns(rng.randrange(2_000))
        how = {} if since is None else {"since": since}
        client = await server.connects("dan", "general", **how)
        await client.catches_up()
        return client

    writing = asyncio.gather(*map(write, writers))
    joiners = await asyncio.gather(*(join() for _ in range(40)))
    await writing
    last = await writers[0].ask("send", text="the end")

    for client in joiners:
        await client.hears_until(last["seq"])
        assert client.sequence.cursors["general"] == last["seq"]


async def test_events_between_snapshot_and_replay_are_replayed(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        await server.room("den")
        ana = await server.joins("ana", "den")
        client = await server.connects("ana")
        await client.hears("welcome")

        with gated.holding_reads() as gate:
            asked = await client.sends("join", room="den", since=0)
            await until(lambda: gate.waiting, "the snapshot")
            await ana.ask("send", text="in between")

        assert (await client.answer(asked))["head"] == 2
        await client.hears_until(2)
        assert client.texts == ["in between"]


async def test_the_newest_page_ends_at_the_last_delivered_event(
    gated: GatedDatabase,
) -> None:
    # What another node commits is in the log before this node is notified.
    async with open_server(gated) as server, open_server(gated._database) as elsewhere:
        await server.room("den")
        ana = await server.joins("ana", "den")
        client = await server.connects("ana")
        await client.hears("welcome")
        await gated.quiet()
        elsewhere.shares_people_with(server)

        with gated.holding_reads() as gate:
            asked = await client.sends("join", room="den")
            await until(lambda: gate.waiting, "the snapshot")
        await until(lambda: gated.reads and not gate.waiting)
        numbers = await send_all(elsewhere, "one", "two", room="den")
        server.runtime.realtime.feed.on_head(server.room_id("den"), numbers[-1])

        await client.answer(asked)
        await client.hears_until(numbers[-1])
        await ana.hears_until(numbers[-1])


async def test_a_ban_during_the_replay_ends_it_at_the_ban(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        await server.room("den", members=["bo"])
        await server.joins("ana", "den")
        bo = await server.connects("bo")
        await bo.hears("welcome")
        await gated.quiet()
        bo_id = await user(server, "bo")

        # The check passes, and the first page of the replay waits.
        with gated.holding_reads(but=1) as gate:
            asked = await bo.sends("join", room="den", since=0)
            await until(lambda: gate.waiting, "the page")
            await server.append(Ban, "den", by="ana", user=bo_id, on=True)
            await send_all(server, "about bo", room="den")

        assert (await bo.answer(asked))["type"] == "joined"
        assert (await bo.hears_until(3))[-1]["type"] == "member.left"
        assert (await bo.hears("removed"))["reason"] == "banned"
        await bo.nothing_more()
        assert "about bo" not in bo.texts


def has_unread_frames(client: SocketClient) -> bool:
    return not client.socket._from_app.empty()


@pytest.mark.parametrize("passing", [0, 1, 2])
async def test_nothing_of_the_room_follows_a_leave_during_the_replay(
    gated: GatedDatabase, passing: int
) -> None:
    async with open_server(gated, limits=NO_GRACE) as server:
        await server.room("den")
        await send_all(server, *"abc", room="den")
        ana = await server.connects("ana")
        await ana.hears("welcome")
        await gated.quiet()

        with gated.holding_reads(but=passing) as gate:
            await ana.sends("join", room="den", since=0)
            await until(lambda: gate.waiting or has_unread_frames(ana), "a moment")
            leaving = await ana.sends("leave", room="den")
            await turns()

        # The SequenceChecker fails if a frame of the room follows.
        assert (await ana.answer(leaving))["type"] == "ack"
        await ana.ask("ping")
        assert not server.runtime.realtime.hub.subscriptions(server.room_id("den"))
        presence, room = server.runtime.realtime.presence, server.room_id("den")
        await until(lambda: presence.count(room) == 0, "ana to be absent")
