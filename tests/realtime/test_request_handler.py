"""What each request does, in which order, and how it is replied to."""

import json
from typing import Any

import pytest

from app.domain.appends import Ban, Mute, Remove, UpdateRoom
from app.domain.roles import Role
from app.realtime.request_handler import RequestHandler
from app.wire.requests import decode
from tests.harness.patience import patience, turns, until
from tests.harness.server import Server
from tests.realtime.recording import ANA, RecordingConnection


async def test_members_receive_messages_in_order(server: Server) -> None:
    ana = await server.joins("ana", "general")
    bo = await server.joins("bo", "general")

    await ana.ask("send", text="one")
    await ana.ask("send", text="two")

    assert await bo.hears_texts(2) == ["one", "two"]


async def test_a_message_is_delivered_with_everything_that_was_sent(server: Server) -> None:
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


@pytest.mark.parametrize("fast", [False, True], ids=["asgi", "transport"])
async def test_an_event_precedes_its_ack_in_every_room(server: Server, fast: bool) -> None:
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


@pytest.mark.parametrize("fast", [False, True], ids=["asgi", "transport"])
async def test_a_thousand_pipelined_sends_keep_their_order(server: Server, fast: bool) -> None:
    ana = await server.joins("ana", "general", fast=fast)
    bo = await server.joins("bo", "general")

    ids = [await ana.sends("send", text=str(n)) for n in range(1_000)]

    seqs = [(await ana.answer(id))["seq"] for id in ids]
    assert seqs == list(range(seqs[0], seqs[0] + 1_000))
    assert await bo.hears_texts(1_000) == [str(n) for n in range(1_000)]


async def test_retries_among_many_sends_at_once_get_the_first_reply(
    server: Server,
) -> None:
    clients = [await server.joins(name, "general") for name in ("ana", "bo", "cy", "dan")]
    before = clients[0].sequence.cursors["general"]

    asked = [
        (client, await client.sends("send", id=f"{client.name} {n % 25}", text=f"{n % 25}"))
        for n in range(50)
        for client in clients
    ]
    answers = [await client.answer(id) for client, id in asked]

    assert {answer["type"] for answer in answers} == {"ack"}
    seqs = {answer["seq"] for answer in answers}
    head = max(seqs)
    assert len(seqs) == 100
    assert head - min(seqs) == 99
    assert sum(answer.get("duplicate", False) for answer in answers) == 100
    assert head == before + 3 + 100


async def test_a_change_of_a_message_that_changes_nothing_appends_nothing(server: Server) -> None:
    ana = await server.joins("ana", "general")
    bo = await server.joins("bo", "general")
    ref = (await ana.ask("send", text="helo"))["seq"]
    changes: list[tuple[Any, str, dict[str, Any], str]] = [
        (ana, "edit", {"text": "hello"}, "message.edited"),
        (bo, "react", {"emoji": "👍", "on": True}, "reaction.added"),
        (bo, "react", {"emoji": "👍", "on": False}, "reaction.removed"),
        (bo, "pin", {"on": True}, "message.pinned"),
        (ana, "pin", {"on": False}, "message.unpinned"),
        (ana, "delete", {}, "message.deleted"),
    ]
    await bo.hears()

    for who, kind, fields, type_ in changes:
        once = await who.ask(kind, ref=ref, **fields)
        again = await who.ask(kind, ref=ref, **fields)
        event = await bo.hears()
        assert (event["type"], event["ref"], event["seq"]) == (type_, ref, once["seq"])
        if kind != "edit" or type_ != "message.edited":
            assert "seq" not in again or again["type"] == "error"
    await bo.nothing_more()


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        pytest.param({"type": "edit", "ref": 99, "text": "x"}, "message_not_found", id="unknown"),
        pytest.param(
            {"type": "edit", "ref": 1, "text": "x"},
            "message_not_found",
            id="no message",
        ),
        pytest.param({"type": "edit", "ref": 4, "text": "x"}, "forbidden", id="not one's own"),
        pytest.param({"type": "delete", "ref": 4}, "forbidden", id="to delete"),
        pytest.param({"type": "send", "text": "x", "reply_to": 99}, "message_not_found", id="to"),
        pytest.param(
            {"type": "send", "text": "x", "room": "nowhere"}, "room_not_found", id="room"
        ),
        pytest.param({"type": "send", "text": "x", "room": "../x"}, "room_not_found", id="name"),
        pytest.param({"type": "read", "seq": 1, "room": "nowhere"}, "room_not_found", id="read"),
        pytest.param({"type": "typing", "on": True, "room": "nowhere"}, "conflict", id="typing"),
        pytest.param({"type": "join", "room": "nowhere"}, "room_not_found", id="join"),
        pytest.param({"type": "auth", "token": "x"}, "unauthorized", id="a bad token"),
        pytest.param({"type": "shout"}, "bad_request", id="an unknown type"),
        pytest.param({"type": "send", "text": "x", "colour": 1}, "invalid", id="unknown field"),
    ],
)
async def test_a_refused_request_gets_an_error_and_the_socket_stays_open(
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


async def test_plain_text_is_sent_to_the_room_in_the_path(server: Server) -> None:
    ana = await server.joins("ana", "general")

    await ana.types("good evening\n")

    assert await ana.hears_texts_and_acks(["good evening"])
    assert "re" not in next(f for f in ana.heard if f["type"] == "ack")


async def test_sending_needs_membership_and_no_join(server: Server) -> None:
    await server.room("den", members=["bo"])
    bo, eve = await server.connects("bo"), await server.connects("eve")
    ana = await server.joins("ana", "den")

    assert (await bo.ask("send", room="den", text="from afar"))["type"] == "ack"
    assert (await eve.ask("send", room="den", text="x"))["code"] == "forbidden"
    assert (await eve.ask("send", room="DEN", text="x"))["code"] == "forbidden"
    assert await ana.hears_texts(1) == ["from afar"]


async def test_requests_behind_a_join_find_the_user_a_member(server: Server) -> None:
    await server.room("den")
    bo = await server.connects("bo")
    await bo.hears("welcome")

    await bo.sends("join", room="den", since=0)
    sent = [await bo.sends("send", room="den", text=str(n)) for n in range(3)]

    assert [(await bo.answer(id))["type"] for id in sent] == ["ack"] * 3
    assert await bo.hears("joined", "ack", "member.joined", "room.created")


# Retries


async def test_a_retry_gets_its_first_reply_whatever_has_changed_since(server: Server) -> None:
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


async def test_an_id_can_not_be_used_for_another_request(server: Server) -> None:
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


async def test_typing_reaches_the_other_subscribers(server: Server) -> None:
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


async def test_a_read_receipt_is_replied_to_and_signalled(server: Server) -> None:
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


async def test_a_read_receipt_needs_membership(server: Server) -> None:
    await server.room("den", kind="private")
    await server.room("hall")
    eve = await server.connects("eve")

    assert (await eve.ask("read", room="den", seq=1))["code"] == "room_not_found"
    assert (await eve.ask("read", room="hall", seq=1))["code"] == "forbidden"


# The end of a subscription


async def test_nothing_of_a_room_follows_the_reply_to_leave(server: Server) -> None:
    ana = await server.joins("ana", "general")
    bo = await server.joins("bo", "general")

    assert (await bo.ask("leave"))["type"] == "ack"
    await ana.ask("send", text="hi")

    assert bo.texts == []
    assert (await bo.ask("leave", room="nowhere"))["type"] == "ack"
    assert (await bo.ask("send", text="from afar"))["type"] == "ack"


async def test_a_request_that_waited_for_a_join_runs_after_it(server: Server) -> None:
    await server.joins("ana", "general")
    recorder = RecordingConnection(ANA)
    server.runtime.realtime.hub.register(recorder.connection)
    handler = RequestHandler(
        server.runtime.realtime.request_services, recorder.connection, lambda _: None
    )

    handler.execute(decode('{"type": "join", "room": "general"}'))
    waiting = handler.execute(decode('{"type": "leave", "room": "general", "id": "bye"}'))
    assert waiting is not None, "it waits for the join"
    await until(lambda: b"caught_up" in b"".join(recorder.transport.writes), "the end of the join")
    await waiting()

    assert json.loads(recorder.transport.payloads[-1]) == {"type": "ack", "re": "bye"}
    await handler.close()
    server.runtime.realtime.hub.unregister(recorder.connection)


async def test_a_removed_user_receives_nothing_after_the_removal(server: Server) -> None:
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


async def test_archiving_a_room_ends_every_subscription(server: Server) -> None:
    await server.room("den", members=["bo"])
    ana, bo = await server.joins("ana", "den"), await server.joins("bo", "den")

    await server.append(UpdateRoom, "den", by="ana", archived=True)

    for client in (ana, bo):
        assert (await client.is_closed())[0] == 4003
        assert client.heard[-1] == {"type": "removed", "room": "den", "reason": "archived"}


async def test_other_connections_are_told_of_being_added_and_removed(server: Server) -> None:
    bo = await server.connects("bo")
    await bo.hears("welcome")
    await server.room("den", kind="private")

    await server.admit("den", "bo", by="ana", role=Role.MODERATOR)
    added = await bo.hears("added")
    await server.append(Remove, "den", by="ana", user=(await server.person("bo")).user)

    assert added == {"type": "added", "room": "den", "kind": "private", "by": "ana"}
    assert (await bo.hears("activity", "removed"))["room"] == "den"


# Tokens


async def test_a_fresh_token_of_the_same_user_is_accepted(server: Server) -> None:
    bo = await server.connects("bo")
    await bo.hears("welcome")
    person = await server.person("bo")

    ack = await bo.ask("auth", token=server.token(person, minutes=60))
    other = await bo.ask("auth", token=(await server.person("ana")).token)

    assert 3_590 < ack["expires_in"] <= 3_600
    assert other["code"] == "unauthorized"
    assert (await bo.ask("ping"))["type"] == "pong"


# Too much at once


@pytest.mark.limits(realtime={"max_pending_requests": 5})
async def test_reading_pauses_while_too_many_requests_have_no_reply(server: Server) -> None:
    for fast in (False, True):
        ana = await server.joins("ana", "general", fast=fast)
        ids = [await ana.sends("send", text=str(n)) for n in range(100)]

        seqs = [(await ana.answer(id))["seq"] for id in ids]

        assert seqs == sorted(seqs)


async def test_a_connection_lost_while_sending_leaves_nothing_behind(server: Server) -> None:
    for n in range(20):
        client = await server.connects("bo", "general", fast=bool(n % 2))
        for m in range(5):
            await client.sends("send", text=str(m))
        await turns(3 * n)
        await client.hang_up()

    await until(server.runtime.realtime.hub.deserted.is_set, "all to be gone")
    ana = await server.joins("ana", "general")
    async with patience("a send", 3):
        assert (await ana.ask("send", text="hi"))["type"] == "ack"
    assert not server.runtime.realtime.hub.of_user((await server.person("bo")).user)
