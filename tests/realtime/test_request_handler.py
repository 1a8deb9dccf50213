"""People who talk: what reaches whom, in which order, and what is answered."""

import asyncio
import json
from typing import Any

import pytest

from app.broker.memory import MemoryBroker, MemoryBus
from app.domain.appends import Ban, Mute, Remove, UpdateRoom
from app.domain.roles import Role
from app.realtime.request_handler import RequestHandler
from app.wire.requests import decode
from tests.harness.patience import patience, turns, until
from tests.harness.server import Server, open_server
from tests.realtime.people import ANA, Caller


async def test_members_hear_each_other_in_order(server: Server) -> None:
    ana = await server.joins("ana", "general")
    bo = await server.joins("bo", "general")

    await ana.ask("send", text="one")
    await ana.ask("send", text="two")

    assert await bo.hears_texts(2) == ["one", "two"]


async def test_what_is_said_comes_with_all_that_was_sent(server: Server) -> None:
    ana = await server.joins("ana", "general")
    bo = await server.joins("bo", "general")

    said = await ana.ask("send", id="1", text="hi @bo", data={"x": [1, None]})
    await bo.ask("send", text="hello", reply_to=said["seq"])

    first, second = await bo.hears(), await bo.hears()
    assert first.pop("at") == said["at"]
    assert first == {
        "type": "message.created",
        "room": "general",
        "seq": said["seq"],
        "by": "ana",
        "text": "hi @bo",
        "id": "1",
        "data": {"x": [1, None]},
        "mentions": ["bo"],
    }
    assert second["reply_to"] == said["seq"]


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "fast"])
async def test_an_event_comes_before_its_ack_in_every_room(server: Server, fast: bool) -> None:
    await server.room("den", members=["ana"])
    ana = await server.joins("ana", "general", fast=fast)
    await ana.ask("join", room="den")
    await ana.catches_up()

    # Some of them share a batch.
    for n in range(40):
        await ana.sends("send", room=("general", "den")[n % 2], id=str(n), text=str(n))
    frames = [await ana.hears() for _ in range(80)]

    order = {frame.get("id", "ack " + frame.get("re", "")): i for i, frame in enumerate(frames)}
    assert len(order) == 80
    assert all(order[str(n)] < order[f"ack {n}"] for n in range(40))


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "fast"])
async def test_a_thousand_pipelined_sends_keep_their_order(server: Server, fast: bool) -> None:
    ana = await server.joins("ana", "general", fast=fast)
    bo = await server.joins("bo", "general")

    ids = [await ana.sends("send", text=str(n)) for n in range(1_000)]

    seqs = [(await ana.answer(id))["seq"] for id in ids]
    assert seqs == list(range(seqs[0], seqs[0] + 1_000))
    assert await bo.hears_texts(1_000) == [str(n) for n in range(1_000)]


async def test_two_hundred_sends_at_once_half_of_them_repeated(server: Server) -> None:
    lines = [await server.joins(name, "general") for name in ("ana", "bo", "cy", "dan")]
    before = lines[0].sequence.cursors["general"]

    asked = [
        (line, await line.sends("send", id=f"{line.name} {n % 25}", text=f"{n % 25}"))
        for n in range(50)
        for line in lines
    ]
    answers = [await line.answer(id) for line, id in asked]

    assert {answer["type"] for answer in answers} == {"ack"}
    seqs = {answer["seq"] for answer in answers}
    head = max(seqs)
    assert len(seqs) == 100
    assert head - min(seqs) == 99
    assert sum(answer.get("duplicate", False) for answer in answers) == 100
    assert head == before + 3 + 100


async def test_everything_that_one_can_do_to_a_message(server: Server) -> None:
    ana = await server.joins("ana", "general")
    bo = await server.joins("bo", "general")
    ref = (await ana.ask("send", text="helo"))["seq"]
    deeds: list[tuple[Any, str, dict[str, Any], str]] = [
        (ana, "edit", {"text": "hello"}, "message.edited"),
        (bo, "react", {"emoji": "👍", "on": True}, "reaction.added"),
        (bo, "react", {"emoji": "👍", "on": False}, "reaction.removed"),
        (bo, "pin", {"on": True}, "message.pinned"),
        (ana, "pin", {"on": False}, "message.unpinned"),
        (ana, "delete", {}, "message.deleted"),
    ]
    await bo.hears()

    for who, kind, fields, told in deeds:
        once = await who.ask(kind, ref=ref, **fields)
        again = await who.ask(kind, ref=ref, **fields)
        event = await bo.hears()
        assert (event["type"], event["ref"], event["seq"]) == (told, ref, once["seq"])
        if kind != "edit" or told != "message.edited":
            assert "seq" not in again or again["type"] == "error"
    await bo.nothing_more()


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        pytest.param({"type": "edit", "ref": 99, "text": "x"}, "message_not_found", id="nothing"),
        pytest.param(
            {"type": "edit", "ref": 1, "text": "x"}, "message_not_found", id="no message"
        ),
        pytest.param({"type": "edit", "ref": 4, "text": "x"}, "forbidden", id="another's"),
        pytest.param({"type": "delete", "ref": 4}, "forbidden", id="another's, to delete"),
        pytest.param({"type": "send", "text": "x", "reply_to": 99}, "message_not_found", id="r"),
        pytest.param({"type": "send", "text": "x", "room": "nowhere"}, "room_not_found", id="n"),
        pytest.param({"type": "send", "text": "x", "room": "../x"}, "room_not_found", id="odd"),
        pytest.param({"type": "read", "seq": 1, "room": "nowhere"}, "room_not_found", id="rd"),
        pytest.param({"type": "typing", "on": True, "room": "nowhere"}, "conflict", id="typing"),
        pytest.param({"type": "join", "room": "nowhere"}, "room_not_found", id="join"),
        pytest.param({"type": "auth", "token": "x"}, "unauthorized", id="a bad token"),
        pytest.param({"type": "shout"}, "bad_request", id="an unknown type"),
        pytest.param({"type": "send", "text": "x", "colour": 1}, "invalid", id="unknown field"),
    ],
)
async def test_what_can_t_be_done_says_why_and_the_socket_stays(
    server: Server, frame: dict[str, Any], code: str
) -> None:
    ana = await server.joins("ana", "general")
    bo = await server.joins("bo", "general")
    assert (await ana.ask("send", text="hi"))["seq"] == 4

    await bo.types(json.dumps({**frame, "id": "7"}))

    error = await bo.answer("7")
    assert (error["type"], error["code"]) == ("error", code)
    assert error["detail"]
    assert (await bo.ask("send", text="still here"))["seq"] == 5


async def test_on_a_path_plain_text_is_said(server: Server) -> None:
    ana = await server.joins("ana", "general")

    await ana.types("good evening\n")

    assert await ana.hears_texts_and_acks(["good evening"])
    assert "re" not in next(f for f in ana.heard if f["type"] == "ack")


async def test_saying_needs_membership_and_not_a_join(server: Server) -> None:
    await server.room("den", members=["bo"])
    bo, eve = await server.connects("bo"), await server.connects("eve")
    ana = await server.joins("ana", "den")

    assert (await bo.ask("send", room="den", text="from afar"))["type"] == "ack"
    assert (await eve.ask("send", room="den", text="x"))["code"] == "forbidden"
    assert (await eve.ask("send", room="DEN", text="x"))["code"] == "forbidden"
    assert await ana.hears_texts(1) == ["from afar"]


async def test_what_follows_a_join_finds_one_a_member(server: Server) -> None:
    await server.room("den")
    bo = await server.connects("bo")
    await bo.hears("welcome")

    await bo.sends("join", room="den", since=0)
    sent = [await bo.sends("send", room="den", text=str(n)) for n in range(3)]

    assert [(await bo.answer(id))["type"] for id in sent] == ["ack"] * 3
    assert await bo.hears("joined", "ack", "member.joined", "room.created")


# Retries


async def test_a_retry_gets_its_first_answer_whatever_has_changed_since(server: Server) -> None:
    await server.room("den", members=["bo"])
    bo = await server.joins("bo", "den")
    user = (await server.person("bo")).user
    first = await bo.ask("send", id="1", text="hi")

    await server.append(UpdateRoom, "den", by="ana", slow_mode_seconds=600)
    await bo.ask("send", id="2", text="slow")
    in_slow_mode = await bo.ask("send", id="1", text="hi")
    refused = await bo.ask("send", id="3", text="too soon")
    await server.append(Mute, "den", by="ana", user=user, on=True)
    muted = await bo.ask("send", id="1", text="hi")
    told = await bo.ask("send", id="3", text="muted")
    await bo.ask("delete", id="4", ref=first["seq"])
    deleted = await bo.ask("send", id="1", text="hi")
    await server.append(Ban, "den", by="ana", user=user, on=True)
    assert (await bo.is_closed())[0] == 4003
    elsewhere = await server.connects("bo")
    banned = await elsewhere.ask("send", room="den", id="1", text="hi")

    assert refused["code"] == "slow_mode"
    assert 590 < refused["retry_after"] <= 600
    assert told["code"] == "muted"
    for again in (in_slow_mode, muted, deleted, banned):
        assert (again["seq"], again["at"]) == (first["seq"], first["at"])
        assert again["duplicate"] is True


async def test_an_id_is_for_one_request(server: Server) -> None:
    ana = await server.joins("ana", "general")
    bo = await server.joins("bo", "general")
    said = await ana.ask("send", id="1", text="hi")

    for request in (
        ("send", {"text": "ho"}),
        ("send", {"text": "hi", "reply_to": said["seq"]}),
        ("send", {"text": "hi", "data": {}}),
        ("edit", {"ref": said["seq"], "text": "hi"}),
        ("delete", {"ref": said["seq"]}),
    ):
        assert (await ana.ask(request[0], id="1", **request[1]))["code"] == "id_reused"
    assert (await bo.ask("send", id="1", text="mine"))["type"] == "ack"


# Signals


async def test_typing_is_heard_by_the_others(server: Server) -> None:
    bo = await server.joins("bo", "general")
    ana = await server.joins("ana", "general")
    await bo.hears("member.joined")
    eve = await server.connects("eve")

    await ana.sends("typing", on=True)
    heard = await bo.hears("typing")
    refused = await eve.ask("typing", room="general", on=True)

    assert heard == {"type": "typing", "room": "general", "by": "ana", "on": True}
    assert refused["code"] == "conflict"
    await ana.nothing_more()
    assert "typing" not in {frame["type"] for frame in ana.heard}


async def test_reading_is_answered_and_heard(server: Server) -> None:
    bo = await server.joins("bo", "general")
    ana = await server.joins("ana", "general")
    said = (await ana.ask("send", text="one @bo"))["seq"]
    await ana.ask("send", text="two")

    ack = await bo.ask("read", seq=said)
    heard = await ana.hears("message.created", "read")
    while heard["type"] != "read":
        heard = await ana.hears("message.created", "read")

    assert ack == {
        "type": "ack",
        "re": ack["re"],
        "read": said,
        "unread": 1,
        "mentions": 0,
        "as_of": said + 1,
    }
    assert heard == {"type": "read", "room": "general", "by": "bo", "seq": said}
    assert (await bo.ask("read", seq=1))["read"] == said
    assert (await bo.ask("read", seq=2**50))["read"] == said + 1


async def test_reading_needs_membership(server: Server) -> None:
    await server.room("den", kind="private")
    await server.room("hall")
    eve = await server.connects("eve")

    assert (await eve.ask("read", room="den", seq=1))["code"] == "room_not_found"
    assert (await eve.ask("read", room="hall", seq=1))["code"] == "forbidden"


# Leaving, and being made to


async def test_leaving_is_the_last_of_the_room(server: Server) -> None:
    ana = await server.joins("ana", "general")
    bo = await server.joins("bo", "general")

    assert (await bo.ask("leave"))["type"] == "ack"
    await ana.ask("send", text="hi")

    assert bo.texts == []
    assert (await bo.ask("leave", room="nowhere"))["type"] == "ack"
    assert (await bo.ask("send", text="from afar"))["type"] == "ack"


async def test_what_waits_for_a_join_that_is_through_meanwhile_goes_on(server: Server) -> None:
    await server.joins("ana", "general")
    caller = Caller(ANA)
    server.runtime.realtime.hub.register(caller.connection)
    handler = RequestHandler(
        server.runtime.realtime.request_services, caller.connection, lambda _: None
    )

    handler.execute(decode('{"type": "join", "room": "general"}'))
    waiting = handler.execute(decode('{"type": "leave", "room": "general", "id": "bye"}'))
    assert waiting is not None, "it waits its turn"
    await until(lambda: b"caught_up" in b"".join(caller.sequence.writes), "the end of the join")
    await waiting()

    assert json.loads(caller.sequence.payloads[-1]) == {"type": "ack", "re": "bye"}
    await handler.close()
    server.runtime.realtime.hub.unregister(caller.connection)


async def test_access_ends_at_the_event_that_ends_it(server: Server) -> None:
    await server.room("den", members=["bo"])
    ana = await server.joins("ana", "den")
    bo, tab = await server.joins("bo", "den"), await server.connects("bo")
    await tab.ask("join", room="den", since=0)
    await ana.ask("send", text="before")
    user = (await server.person("bo")).user

    await server.append(Remove, "den", by="ana", user=user)
    await ana.ask("send", text="after")

    assert (await bo.is_closed())[0] == 4003
    assert [frame["type"] for frame in bo.heard][-2:] == ["member.left", "removed"]
    assert bo.heard[-1]["reason"] == "removed"
    await tab.ask("ping")
    assert "after" not in bo.texts + tab.texts
    assert (await tab.ask("send", room="den", text="x"))["code"] == "forbidden"


async def test_an_archived_room_ends_for_everybody(server: Server) -> None:
    await server.room("den", members=["bo"])
    ana, bo = await server.joins("ana", "den"), await server.joins("bo", "den")

    await server.append(UpdateRoom, "den", by="ana", archived=True)

    for line in (ana, bo):
        assert (await line.is_closed())[0] == 4003
        assert line.heard[-1] == {"type": "removed", "room": "den", "reason": "archived"}


async def test_ones_other_connections_hear_of_being_added_and_removed(server: Server) -> None:
    bo = await server.connects("bo")
    await bo.hears("welcome")
    await server.room("den", kind="private")

    await server.admit("den", "bo", by="ana", role=Role.MODERATOR)
    added = await bo.hears("added")
    await server.append(Remove, "den", by="ana", user=(await server.person("bo")).user)

    assert added == {"type": "added", "room": "den", "kind": "private", "by": "ana"}
    assert (await bo.hears("activity", "removed"))["room"] == "den"


# The token's life


async def test_a_fresh_token_of_the_same_user_is_taken(server: Server) -> None:
    bo = await server.connects("bo")
    await bo.hears("welcome")
    person = await server.person("bo")

    ack = await bo.ask("auth", token=server.token(person, minutes=60))
    other = await bo.ask("auth", token=(await server.person("ana")).token)

    assert 3_590 < ack["expires_in"] <= 3_600
    assert other["code"] == "unauthorized"
    assert (await bo.ask("ping"))["type"] == "pong"


async def test_logging_out_ends_only_that_log_in(server: Server) -> None:
    phone, laptop = await server.person("bo"), await server.logs_in("bo")
    on_phone, on_laptop = await server.connects(phone), await server.connects(laptop)
    await on_phone.hears("welcome")
    await on_laptop.hears("welcome")

    await server.logs_out(phone)

    assert (await on_phone.is_closed())[0] == 4001
    assert (await on_laptop.ask("ping"))["type"] == "pong"


# A client that asks for too much at once


@pytest.mark.limits(realtime={"max_pending_requests": 5})
async def test_reading_pauses_while_too_much_is_unanswered(server: Server) -> None:
    for fast in (False, True):
        ana = await server.joins("ana", "general", fast=fast)
        ids = [await ana.sends("send", text=str(n)) for n in range(100)]

        seqs = [(await ana.answer(id))["seq"] for id in ids]

        assert seqs == sorted(seqs)


async def test_a_client_that_is_cut_in_mid_send_leaves_nothing(server: Server) -> None:
    for n in range(20):
        line = await server.connects("bo", "general", fast=bool(n % 2))
        for m in range(5):
            await line.sends("send", text=str(m))
        await turns(3 * n)
        await line.hang_up()

    await until(server.runtime.realtime.hub.deserted.is_set, "all to be gone")
    ana = await server.joins("ana", "general")
    async with patience("a send", 3):
        assert (await ana.ask("send", text="hi"))["type"] == "ack"
    assert not server.runtime.realtime.hub.of_user((await server.person("bo")).user)


async def test_two_nodes_on_one_log_tell_each_other(server: Server) -> None:
    bus = MemoryBus()
    async with (
        open_server(server.database, broker=MemoryBroker(bus)) as one,
        open_server(server.database, broker=MemoryBroker(bus)) as two,
    ):
        two.shares_people_with(one)
        ana, bo = await one.joins("ana", "general"), await two.joins("bo", "general")

        said = await ana.ask("send", text="from one")
        back = await bo.ask("send", text="from two")

        await asyncio.gather(ana.hears_until(back["seq"]), bo.hears_until(back["seq"]))
        assert said["seq"] + 1 == back["seq"]
        assert ana.texts == bo.texts == ["from one", "from two"]
        await one.logs_out(await one.person("bo"))
        assert (await bo.is_closed())[0] == 4001
