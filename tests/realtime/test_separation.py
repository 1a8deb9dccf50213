"""What a block means for what the two users receive: docs/permissions.md, Blocks."""

import re
from typing import Any

import pytest

from app.domain.limits import MAX_MEMBERS_FOR_READ_SIGNALS
from app.store.database import Database
from tests.api.people import code
from tests.docs.pages import page, rows
from tests.harness.patience import until
from tests.harness.server import Server, open_server
from tests.harness.socket_client import SocketClient

assert MAX_MEMBERS_FOR_READ_SIGNALS >= 3


async def block(server: Server, who: str, other: str) -> None:
    person = await server.person(who)
    assert (await person.http.put(f"/users/me/blocks/{other}")).status_code == 200


async def direct_room(server: Server) -> str:
    ana, _ = await server.person("ana"), await server.person("ben")
    name: str = (await ana.http.put("/rooms/direct/ben")).json()["name"]
    return name


async def signal_everything(client: SocketClient, seq: int = 1) -> None:
    """Type, stop typing and read."""
    await client.sends("typing", on=True)
    await client.ask("read", seq=seq)
    await client.sends("typing", on=False)
    await client.ask("ping")


def signals(client: SocketClient, by: str) -> list[str]:
    return [f["type"] for f in client.heard if "at" not in f and f.get("by") == by]


# The two never receive signals about each other


@pytest.mark.parametrize("blocker", ["ana", "ben"])
@pytest.mark.parametrize("kind", ["direct", "public"])
async def test_no_signal_passes_between_them(server: Server, blocker: str, kind: str) -> None:
    if kind == "direct":
        room = await direct_room(server)
    else:
        room = "den"
        await server.room(room, members=["ben", "eve"])
    await block(server, blocker, "ben" if blocker == "ana" else "ana")
    ana, ben = await server.joins("ana", room), await server.joins("ben", room)

    for client in (ana, ben):
        await signal_everything(client)
    for client in (ana, ben):
        await client.nothing_more()

    assert signals(ana, "ben") == signals(ben, "ana") == []


async def test_reading_over_http_reaches_no_separated_user(server: Server) -> None:
    await server.room("den", members=["ben", "eve"])
    await block(server, "ana", "ben")
    ana, eve = await server.joins("ana", "den"), await server.joins("eve", "den")

    ben = await server.person("ben")
    assert (await ben.http.put("/rooms/den/read", json={"seq": 1})).status_code == 200

    assert (await eve.hears("read"))["by"] == "ben"
    await ana.nothing_more()
    assert signals(ana, "ben") == []


async def test_others_receive_every_signal(server: Server) -> None:
    await server.room("den", members=["ben", "eve"])
    await block(server, "ana", "ben")
    eve, ben = await server.joins("eve", "den"), await server.joins("ben", "den")

    await signal_everything(ben)

    assert (await eve.hears("typing"))["on"] is True
    assert (await eve.hears("read"))["by"] == "ben"
    assert (await eve.hears("typing"))["on"] is False


async def test_a_block_holds_at_once_and_until_it_is_lifted(server: Server) -> None:
    await server.room("den", members=["ben"])
    ana, ben = await server.joins("ana", "den"), await server.joins("ben", "den")
    await signal_everything(ben)
    await ana.nothing_more()
    before = signals(ana, "ben")
    assert {"typing", "read"} <= set(before)

    await block(server, "ana", "ben")
    await signal_everything(ben)
    await ana.nothing_more()
    assert signals(ana, "ben") == before

    blocker = await server.person("ana")
    await blocker.http.delete("/users/me/blocks/ben")
    await signal_everything(ben)
    assert (await ana.hears("typing"))["by"] == "ben"


# Presence


async def test_neither_sees_the_other_come_go_or_be_there(database: Database) -> None:
    soon = {"presence_gather_seconds": 0.01, "presence_grace_seconds": 0.01}
    async with open_server(database, limits={"realtime": soon}) as server:
        await server.room("den", members=["ben", "eve"])
        await block(server, "ana", "ben")
        ana, eve = await server.joins("ana", "den"), await server.joins("eve", "den")
        ben = await server.joins("ben", "den")

        assert _joined(ben)["present"] == ["ben", "eve"]
        assert _joined(ben)["present_count"] == 2
        while (seen := await eve.hears("presence"))["by"] != "ben":
            pass
        assert seen["online"] is True
        await ben.hang_up()
        while (seen := await eve.hears("presence"))["by"] != "ben":
            pass
        assert seen["online"] is False

        await ana.nothing_more()
        assert signals(ana, "ben") == signals(ben, "ana") == []


def _joined(client: SocketClient) -> dict[str, Any]:
    return next(frame for frame in client.heard if frame["type"] == "joined")


# Requests


async def test_the_blocked_user_adds_the_blocker_to_no_room(server: Server) -> None:
    await server.room("den", owner="ben", kind="private")
    await server.person("ana")
    await block(server, "ana", "ben")
    ben, ana = await server.person("ben"), await server.person("ana")
    listening = await server.connects("ana")

    answer = await ben.http.put("/rooms/den/members/ana")

    assert code(answer) == (403, "forbidden")
    await listening.hears("welcome")
    await listening.nothing_more()
    invite = (await ben.http.post("/rooms/den/invites", json={})).json()
    assert (await ana.http.post(f"/invites/{invite['code']}")).status_code == 200
    # A role of a member is not a way to add one.
    changed = await ben.http.put("/rooms/den/members/ana", json={"role": "moderator"})
    assert changed.status_code == 200


async def test_a_mention_by_the_blocked_user_is_plain_text(server: Server) -> None:
    await server.room("den", members=["ben", "eve"])
    await block(server, "ana", "ben")
    ana = await server.connects("ana")
    ben = await server.joins("ben", "den")

    sent = await ben.ask("send", text="@ana @eve hi")
    await ben.ask("edit", ref=sent["seq"], text="@ana @eve you two")

    assert [event["mentions"] for event in ben.events[-2:]] == [["eve"], ["eve"]]
    activity = await ana.hears("welcome", "activity")
    while activity["type"] != "activity":
        activity = await ana.hears("activity")
    assert "mention" not in activity
    person = await server.person("ana")
    room = (await person.http.get("/rooms/den")).json()
    assert (room["unread"], room["mentions"]) == (1, 0)
    # The other way round, a mention counts.
    answer = await (await server.joins("ana", "den")).ask("send", text="@ben hi")
    assert answer["type"] == "ack"
    ben_room = (await (await server.person("ben")).http.get("/rooms/den")).json()
    assert ben_room["mentions"] == 1


@pytest.mark.parametrize("mention", ["@all", "@here"])
async def test_a_mention_of_the_room_by_the_blocked_user_does_not_reach_the_blocker(
    server: Server, mention: str
) -> None:
    await server.room("den", members=["ben", "eve"])
    await block(server, "eve", "ana")
    # Present by another connection, so that `@here` means both.
    _, there = await server.joins("ben", "den"), await server.joins("eve", "den")
    ben, eve = await server.connects("ben"), await server.connects("eve")
    for client in (ben, eve):
        await client.hears("welcome")
    ana = await server.joins("ana", "den")

    await ana.ask("send", text=f"{mention} cake")

    assert (await ben.hears("activity"))["mentions_room"] == mention[1:]
    assert "mentions_room" not in await eve.hears("activity")
    assert (await there.hears("message.created"))["mentions_room"] == mention[1:], "in the log"
    room = (await (await server.person("eve")).http.get("/rooms/den")).json()
    assert (room["unread"], room["mentions"]) == (1, 0)


# The page


def test_the_table_names_every_frame_about_another_user() -> None:
    protocol = page("docs/protocol.md")
    signals_of_others = set(re.findall(r"^\| `(\w+)` \| `room`[^|]*\|$", protocol, re.MULTILINE))
    assert {"typing", "read", "presence", "activity", "added", "removed"} <= signals_of_others
    _, _, blocks = page("docs/permissions.md").partition("## Blocks")
    named = {word for row in rows(blocks) for word in re.findall(r"`(\w+)`", row[0])}

    assert {"typing", "read", "presence", "activity", "added", "removed", "joined"} <= named
    assert {"send", "edit", "delete", "react", "pin"} <= named


async def test_a_connection_that_closes_ends_its_indicators(server: Server) -> None:
    await server.room("den", members=["ben"])
    ana, ben = await server.joins("ana", "den"), await server.joins("ben", "den")
    await ben.sends("typing", on=True)
    assert (await ana.hears("typing"))["on"] is True

    await ben.hang_up()

    assert (await ana.hears("typing"))["on"] is False
    user = (await server.person("ben")).user
    await until(lambda: not server.runtime.realtime.hub.of_user(user), "ben to be gone")
