"""Erasing accounts: what is left, what other users see, and interruptions at every step."""

import asyncio
import json
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.appends import Edit, OpenDirect, Pin, React, Remove, Send, UpdateRoom
from app.domain.errors import Invalid, Unavailable, UsernameTaken
from app.domain.ids import UserId
from app.store import erasures as erasure_store
from app.store import members as member_store
from app.store import users
from app.store.checking import check
from app.store.database import Database
from app.store.tables import events
from tests.api.people import code
from tests.harness.databases import GatedDatabase
from tests.harness.patience import turns, until
from tests.harness.server import Server, User, open_server

Body = dict[str, Any]


async def erase(server: Server, name: str, *, blank: bool = False) -> None:
    await server.runtime.admin.erase_user(name, blank=blank)


async def write_messages(server: Server) -> User:
    """Have bo send messages to three rooms, one of them archived now, and ana reply. Return bo."""
    await server.room("den", members=["bo", "cy"])
    await server.room("attic", owner="bo", members=["ana"], kind="private")
    await server.append(Send, "den", by="bo", text="first words @ana", mentions=["ana"])  # 4
    await server.append(Send, "den", by="ana", text="an answer to @bo", mentions=["bo"])
    await server.append(Edit, "den", by="bo", ref=4, text="other words")
    await server.append(React, "den", by="bo", ref=5, emoji="👍", on=True)
    await server.append(React, "den", by="ana", ref=4, emoji="🎉", on=True)
    await server.append(Pin, "den", by="ana", ref=4, on=True)
    await server.append(Send, "den", by="bo", text="with data", data={"map": "home"})  # 10
    await server.append(Send, "attic", by="bo", text="in the attic")  # 3
    await server.append(Send, "attic", by="ana", text="indeed")
    await server.append(UpdateRoom, "attic", by="bo", archived=True)
    bo = await server.person("bo")
    made = await server.append(
        OpenDirect, None, by="ana", user=bo.user, name="dm-aaaaaaaaaaaaaaaaaaaa"
    )
    server.name_room("direct", made.room)
    await server.append(Send, "direct", by="bo", text="between us")
    return bo


async def read_log(server: Server, room: str) -> list[Body]:
    ana = await server.person("ana")
    answer = await ana.http.get(f"/rooms/{room}/events", params={"since": 0})
    events: list[Body] = answer.json()["events"]
    return events


async def contents_of(database: Database, user: UserId) -> list[str | None]:
    """The texts and data of the user's messages that are on disk."""
    mine = sa.select(events.c.text, events.c.edited_text, events.c.data).where(
        events.c.by == user, events.c.type.in_(("message.created", "message.edited"))
    )
    rows = await database.read(lambda c: c.execute(mine).all())
    return [value for row in rows for value in row if value is not None]


async def unfinished(server: Server) -> list[UserId]:
    return list(await server.database.read(erasure_store.unfinished))


async def test_the_name_is_never_given_to_another_account(server: Server) -> None:
    bo = await write_messages(server)

    await erase(server, "bo")

    person = {"username": "Dora", "password": "quite another one 7"}
    assert (await server.client.post("/users", json=person)).status_code == 201
    await erase(server, "dora")
    assert code(await server.client.post("/users", json=person)) == (409, "username_taken")
    with pytest.raises(UsernameTaken):
        await server.runtime.admin.add_user("dora", None)
    with pytest.raises(Invalid):
        await server.runtime.admin.add_user(f"deleted-{bo.user}", None)


async def test_every_room_that_they_were_in_is_told_the_new_name(server: Server) -> None:
    bo = await write_messages(server)
    await server.room("hall", members=["bo"])
    await server.append(Remove, "hall", by="bo", user=bo.user)
    await server.room("elsewhere")
    den, hall = await server.joins("ana", "den"), await server.joins("ana", "hall")
    direct = await server.joins("ana", "dm-aaaaaaaaaaaaaaaaaaaa")

    await erase(server, "bo")

    told = {"user": "bo", "as": f"deleted-{bo.user}", "by": None}
    for client in (den, hall, direct):
        while (frame := await client.hears())["type"] != "user.erased":
            pass
        assert {name: frame[name] for name in told} == told
    for room in ("attic", "den", "hall"):
        (event,) = [e for e in await read_log(server, room) if e["type"] == "user.erased"]
        # The log keeps no name.
        assert event["user"] == event["as"] == f"deleted-{bo.user}"
    assert not [e for e in await read_log(server, "elsewhere") if e["type"] == "user.erased"]
    report = await server.database.read(check)
    assert report.findings == []


async def test_messages_stay_under_a_numbered_name(server: Server) -> None:
    bo = await write_messages(server)
    gone = f"deleted-{bo.user}"

    await erase(server, "bo")

    message = (await (await server.person("ana")).http.get("/rooms/den/messages/4")).json()
    assert (message["by"], message["text"]) == (gone, "other words")
    answered = (await (await server.person("ana")).http.get("/rooms/den/messages/5")).json()
    assert answered["mentions"] == [gone]
    assert answered["reactions"] == {"👍": [gone]}
    assert [e["type"] for e in await read_log(server, "den")][-2:] == [
        "member.left",
        "user.erased",
    ]
    assert await unfinished(server) == []
    assert (await server.database.read(check)).findings == []


async def test_blanking_deletes_every_message(server: Server) -> None:
    bo = await write_messages(server)
    gone = f"deleted-{bo.user}"
    before = {room: len(await read_log(server, room)) for room in ("den", "attic")}

    await erase(server, "bo", blank=True)

    assert await contents_of(server.database, bo.user) == []
    http = (await server.person("ana")).http
    for seq in (4, 10):
        message = (await http.get(f"/rooms/den/messages/{seq}")).json()
        assert (message["by"], message["text"], message["pinned"]) == (gone, None, False)
        assert message["deleted_at"]
        assert "data" not in message
    assert (await http.get("/rooms/den/messages/5")).json()["text"] == "an answer to @bo"
    since = (await read_log(server, "den"))[before["den"] :]
    assert [(e["type"], e.get("ref"), e.get("author"), e["by"]) for e in since] == [
        ("member.left", None, None, None),
        ("user.erased", None, None, None),
        ("message.deleted", 4, gone, None),
        ("message.deleted", 10, gone, None),
    ]
    for word in ("words", "data", "attic", "between"):
        assert (await http.get("/search", params={"q": word})).json()["messages"] == []
    assert (await server.database.read(check)).findings == []
    assert await unfinished(server) == []


async def test_messages_in_archived_rooms_are_blanked_too(server: Server) -> None:
    await write_messages(server)

    await erase(server, "bo", blank=True)

    assert [(e["type"], e.get("ref")) for e in await read_log(server, "attic")][-1] == (
        "message.deleted",
        3,
    )
    direct = await read_log(server, "dm-aaaaaaaaaaaaaaaaaaaa")
    assert [e["type"] for e in direct][-4:] == [
        "user.erased",
        "room.archived",
        "member.left",
        "message.deleted",
    ]


async def test_connected_members_receive_each_deletion(server: Server) -> None:
    await write_messages(server)
    ana = await server.joins("ana", "den", since=0)

    await erase(server, "bo", blank=True)

    heard = [await ana.hears() for _ in range(4)]
    assert [(f["type"], f.get("ref")) for f in heard] == [
        ("member.left", None),
        ("user.erased", None),
        ("message.deleted", 4),
        ("message.deleted", 10),
    ]


async def test_the_sockets_of_an_erased_account_close(server: Server) -> None:
    await write_messages(server)
    bo = await server.joins("bo", "den")

    await erase(server, "bo")

    assert (await bo.is_closed())[0] == 4001


@pytest.mark.parametrize("since", [None, 0])
async def test_replays_no_longer_contain_the_old_name(server: Server, since: int | None) -> None:
    bo = await write_messages(server)
    parameters = {} if since is None else {"since": since}
    first = await server.connects("cy", "den", **parameters)
    assert any(f.get("by") == "bo" for f in await first.catches_up())

    await erase(server, "bo")

    later = await server.connects("cy", "den", **parameters)
    heard = await later.catches_up()
    assert f"deleted-{bo.user}" in {f.get("by") for f in heard}
    assert '"bo"' not in json.dumps(heard)


async def test_another_node_drops_the_old_name(server: Server) -> None:
    bo = await write_messages(server)
    async with open_server(server.database) as other_node:
        other_node.shares_people_with(server)
        await other_node.runtime.realtime.poller.poll()
        await other_node.joins("cy", "den", since=0)
        await erase(server, "bo")

        await other_node.runtime.realtime.poller.poll()

        heard = await (await other_node.connects("cy", "den", since=0)).catches_up()
        assert f"deleted-{bo.user}" in {f.get("by") for f in heard}
        assert '"bo"' not in json.dumps(heard)


@pytest.mark.limits(accounts={"erasure_batch_messages": 3, "erasure_batch_rooms": 1})
async def test_many_messages_are_blanked_in_several_transactions(server: Server) -> None:
    bo = await write_messages(server)
    for n in range(5):
        await server.append(Send, "den", by="bo", text=f"more {n}")

    await erase(server, "bo", blank=True)

    assert await contents_of(server.database, bo.user) == []
    assert (await server.database.read(check)).findings == []


# Interruptions


@pytest.mark.parametrize("done", range(8))
async def test_the_next_start_continues_after_a_crash(database: Database, done: int) -> None:
    gated = GatedDatabase(database)
    async with open_server(gated) as server:
        bo = await write_messages(server)
        await gated.quiet()
        with gated.holding_writes(but=done) as gate:
            erasing = asyncio.create_task(erase(server, "bo", blank=True))
            await until(lambda: gate.waiting or erasing.done(), "the crash")
            # From here on every call fails, as after a crash.
            gated.fails_with = Unavailable()
        outcome = (await asyncio.gather(erasing, return_exceptions=True))[0]

    async with open_server(database) as restarted:
        restarted.shares_people_with(server)
        if done == 0:
            # Nothing has begun: the caller has to try restarted.
            assert isinstance(outcome, Unavailable)
            assert await unfinished(restarted) == []
            await erase(restarted, "bo", blank=True)
        await restarted.runtime.accounts.erasures.resume()

        assert await unfinished(restarted) == []
        assert await contents_of(database, bo.user) == []
        found = await database.read(lambda c: users.by_id(c, bo.user))
        assert found is not None
        assert found.username == f"deleted-{bo.user}"
        members = await database.read(
            lambda c: member_store.page(c, restarted.room_id("den"), after="", limit=9)
        )
        assert [member.user for member in members] == ["ana", "cy"]
        assert (await database.read(check)).findings == []


async def test_the_account_is_unusable_after_the_first_commit(database: Database) -> None:
    gated = GatedDatabase(database)
    async with open_server(gated) as server:
        await write_messages(server)
        socket = await server.joins("bo", "den")
        bo = await server.person("bo")
        await gated.quiet()

        with gated.holding_writes(but=1) as gate:
            erasing = asyncio.create_task(erase(server, "bo"))
            await until(lambda: gate.waiting, "the second step")
            assert (await socket.is_closed())[0] == 4001
            assert (await bo.http.get("/users/me")).status_code == 401
        await erasing


async def test_a_running_server_continues_by_itself(database: Database) -> None:
    gated = GatedDatabase(database)
    async with open_server(gated, limits={"accounts": {"erasure_retry_seconds": 0.005}}) as server:
        bo = await write_messages(server)
        await gated.quiet()
        with gated.holding_writes(but=2) as gate:
            erasing = asyncio.create_task(erase(server, "bo", blank=True))
            await until(lambda: gate.waiting, "the third step")
            gated.fails_with = Unavailable()
        with pytest.raises(Unavailable):
            await erasing
        assert await contents_of(database, bo.user)

        gated.fails_with = None
        for _ in range(200):
            if not await database.read(erasure_store.unfinished):
                break
            await turns()

        assert await contents_of(server.database, bo.user) == []


async def test_concurrent_erasures_of_an_account_are_one(server: Server) -> None:
    bo = await write_messages(server)
    transactions, erasures = server.runtime.log.transactions, server.runtime.accounts.erasures

    await asyncio.gather(
        erasures.erase(bo.user, transactions),
        erasures.erase(bo.user, transactions, blank=True),
        erasures.erase(bo.user, transactions),
    )
    await erasures.erase(bo.user, transactions, blank=True)

    assert await contents_of(server.database, bo.user) == []
    assert await unfinished(server) == []
    assert (await server.database.read(check)).findings == []


async def test_a_cancelled_caller_does_not_stop_an_erasure(server: Server) -> None:
    bo = await write_messages(server)
    calling = asyncio.create_task(erase(server, "bo", blank=True))
    await turns(2)

    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    await server.runtime.admin.close()

    assert await contents_of(server.database, bo.user) == []


async def test_the_next_start_continues_after_a_shutdown(database: Database) -> None:
    gated = GatedDatabase(database)
    async with open_server(gated, limits={"accounts": {"erasure_batch_messages": 1}}) as server:
        bo = await write_messages(server)
        await gated.quiet()
        # Begun, three rooms and the blocks left, renamed: then a message each.
        with gated.holding_writes(but=7) as gate:
            erasing = asyncio.create_task(erase(server, "bo", blank=True))
            await until(lambda: gate.waiting, "the second message")
            closing = asyncio.create_task(server.runtime.accounts.erasures.close())
            await turns()
        await closing
        with pytest.raises(Unavailable):
            await erasing
    assert await database.read(erasure_store.unfinished) == [bo.user]

    async with open_server(
        database, limits={"accounts": {"erasure_batch_messages": 1}}
    ) as restarted:
        await restarted.runtime.accounts.erasures.resume()
        assert await contents_of(database, bo.user) == []
