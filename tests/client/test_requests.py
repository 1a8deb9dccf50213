"""What is asked for is done once, in order, and every call ends."""

import asyncio
from typing import Any

import pytest

import parley_client
from parley_client import (
    BadRequest,
    Forbidden,
    IdReused,
    Limits,
    Muted,
    NotAcknowledged,
    RateLimited,
    Refused,
    ServerError,
)
from tests.client.scripted_server import (
    WELCOME,
    Frame,
    Peer,
    ack,
    quick_client,
    scripted,
    settled,
)
from tests.harness.patience import until

pytestmark = pytest.mark.sqlite_only


def error(asked: Frame, code: str, **more: Any) -> Frame:
    """A refusal."""
    return {"type": "error", "re": asked["id"], "code": code, "detail": f"It is {code}.", **more}


async def test_the_requests_are_those_of_the_protocol() -> None:
    heard: list[Frame] = []

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        while True:
            asked = await peer.hears()
            heard.append({name: value for name, value in asked.items() if name != "id"})
            await peer.say(ack(asked, len(heard)))

    async with scripted(script) as url, quick_client(url) as chat:
        first = await chat.send("General", "hi", reply_to=3, data={"a": 1}, id="mine")
        await chat.edit("general", 4, "ho")
        await chat.delete("general", 4)
        await chat.react("general", 4, "👍")
        await chat.pin("general", 4, on=False)
        await chat.read("general", 4)

    assert (first.seq, first.duplicate, first.at.year) == (1, False, 2026)
    assert heard == [
        {"type": "send", "room": "general", "text": "hi", "reply_to": 3, "data": {"a": 1}},
        {"type": "edit", "room": "general", "ref": 4, "text": "ho"},
        {"type": "delete", "room": "general", "ref": 4},
        {"type": "react", "room": "general", "ref": 4, "emoji": "👍", "on": True},
        {"type": "pin", "room": "general", "ref": 4, "on": False},
        {"type": "read", "room": "general", "seq": 4},
    ]


async def test_a_request_is_made_again_with_the_same_id_until_it_is_answered() -> None:
    heard: list[Frame] = []

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        heard.append(asked := await peer.hears("send"))
        if peer.number < 4:
            await peer.closes(1011)
        await peer.say({**ack(asked, 7), "duplicate": True})

    async with scripted(script) as url, quick_client(url) as chat:
        done = await chat.send("general", "hi")

    assert (done.seq, done.duplicate) == (7, True)
    assert heard == [heard[0]] * 4


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        ("forbidden", Forbidden),
        ("muted", Muted),
        ("invalid", BadRequest),
        ("id_reused", IdReused),
        ("of_the_future", Refused),
    ],
)
async def test_a_refusal_is_raised_and_asked_once(code: str, raised: type[Refused]) -> None:
    heard: list[Frame] = []

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        while True:
            heard.append(asked := await peer.hears("send"))
            await peer.say(error(asked, code, errors=[{"loc": ["text"]}]))

    async with scripted(script) as url, quick_client(url) as chat:
        with pytest.raises(raised, match=f"It is {code}") as caught:
            await chat.send("general", "hi")

    assert (caught.value.code, caught.value.errors) == (code, [{"loc": ["text"]}])
    assert len(heard) == 1


def test_every_code_of_the_server_has_a_class() -> None:
    from app.domain.errors import ParleyError

    def codes(of: type[ParleyError]) -> set[str]:
        own = {of.code} if "code" in of.__dict__ else set()
        return own.union(*(codes(sub) for sub in of.__subclasses__()))

    missing = [
        code
        for code in codes(ParleyError)
        if type(parley_client.errors.refused({"code": code})) is Refused
    ]
    assert missing == []


@pytest.mark.parametrize("code", ["rate_limited", "slow_mode", "unavailable", "internal"])
async def test_what_can_succeed_later_is_repeated(code: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        asked = await peer.hears("send")
        later = {} if code == "internal" else {"retry_after": 0.01}
        await peer.say(error(asked, code, **later))
        assert await peer.hears("send") == asked
        await peer.say(ack(asked))

    async with scripted(script) as url, quick_client(url) as chat:
        await chat.send("general", "hi")


async def test_what_can_not_succeed_in_time_is_raised_at_once() -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        await peer.say(error(await peer.hears("send"), "slow_mode", retry_after=3_600))
        await peer.waits()

    async with scripted(script) as url, quick_client(url) as chat:
        with pytest.raises(RateLimited) as caught:
            await chat.send("general", "hi")

    assert (caught.value.code, caught.value.retry_after) == ("slow_mode", 3_600)


async def test_later_messages_to_a_room_wait_for_one_that_is_repeated() -> None:
    heard: list[str] = []

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        first = await peer.hears("send")
        await peer.say(error(first, "slow_mode", retry_after=0.2))
        while True:
            asked = await peer.hears("send")
            heard.append(asked["text"])
            await peer.say(ack(asked))

    async with scripted(script) as url, quick_client(url) as chat:
        first = asyncio.create_task(chat.send("general", "first"))
        await until(lambda: chat._open.outbox._waiting and not chat._open.outbox._written)
        second = asyncio.create_task(chat.send("general", "second"))
        await chat.send("other", "elsewhere")
        await asyncio.gather(first, second)

    assert heard == ["elsewhere", "first", "second"]


async def test_a_rate_limit_holds_all_rooms() -> None:
    heard: list[str] = []

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        await peer.say(error(await peer.hears("send"), "rate_limited", retry_after=0.2))
        while True:
            asked = await peer.hears("send")
            heard.append(asked["text"])
            await peer.say(ack(asked))

    async with scripted(script) as url, quick_client(url) as chat:
        first = asyncio.create_task(chat.send("general", "first"))
        await until(lambda: chat._open.outbox._waiting and not chat._open.outbox._written)
        await asyncio.gather(first, chat.send("other", "elsewhere"))

    assert heard == ["first", "elsewhere"]


async def test_no_answer_in_time_says_how_to_find_out() -> None:
    heard: list[Frame] = []

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        heard.append(await peer.hears("send"))
        heard.append(again := await peer.hears("send"))
        await peer.say(ack(again))

    async with scripted(script) as url, quick_client(url) as chat:
        with pytest.raises(NotAcknowledged) as caught:
            await chat.send("general", "hi", seconds=0.05)
        await chat.send("general", "hi", id=caught.value.id)

    assert heard[0] == heard[1]


async def test_a_call_that_is_cancelled_is_not_repeated() -> None:
    heard: list[str] = []

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        while True:
            asked = await peer.hears("send")
            heard.append(asked["text"])
            if asked["text"] == "second":
                await peer.say(ack(asked))
            else:
                await peer.closes(1011)

    async with scripted(script) as url, quick_client(url) as chat:
        sending = asyncio.create_task(chat.send("general", "first"))
        await until(lambda: heard)
        sending.cancel()
        await chat.send("general", "second")
        assert len(chat._open.outbox) == 0

    assert heard == ["first", "second"]


async def test_a_send_that_is_refused_for_now_is_not_overtaken() -> None:
    heard = []

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        refused = False
        while True:
            asked = await peer.hears("send")
            if asked["text"] == "first" and not refused:
                refused = True
                busy = {"type": "error", "re": asked["id"], "code": "unavailable", "detail": "."}
                await peer.say(busy)
                continue
            heard.append((asked["room"], asked["text"]))
            await peer.say(ack(asked, len(heard)))

    async with scripted(script) as url, quick_client(url) as chat:
        await asyncio.gather(
            chat.send("general", "first"), chat.send("general", "second"), chat.send("attic", "x")
        )

    assert [text for room, text in heard if room == "general"] == ["first", "second"]
    assert heard[0] == ("attic", "x")


async def test_more_than_the_outbox_holds_wait_in_their_callers() -> None:
    limits = Limits(pending_requests=5, unanswered_requests=3, close_seconds=0.5)
    most = 0

    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        while True:
            await peer.say(ack(await peer.hears("send")))

    async with scripted(script) as url, quick_client(url, limits=limits) as chat:
        sending = [asyncio.create_task(chat.send("general", f"{n}")) for n in range(50)]
        while not all(each.done() for each in sending):
            outbox = chat._open.outbox
            most = max(most, len(outbox))
            assert len(outbox._written) <= 3
            await asyncio.sleep(0)

    assert most == 5


async def test_what_can_not_be_sent_is_refused_here() -> None:
    async def script(peer: Peer) -> None:
        await peer.say({**WELCOME, "limits": {"frame_bytes": 1_000}})
        await peer.say(ack(await peer.hears("send")))

    async with scripted(script) as url, quick_client(url) as chat:
        found = await settled(
            chat.send("general", "." * 2_000),
            chat.send("general", "hi", data={"a": float("nan")}),
            chat.send("general", "hi", data={"a": {1, 2}}),
        )
        # Sent, escaped: it is the server's to refuse.
        await chat.send("general", "\ud800")

    assert [type(each) for each in found] == [BadRequest, ValueError, TypeError]
    assert found[0].code == "too_large"


async def test_an_id_that_is_on_its_way_is_not_sent_twice() -> None:
    async def script(peer: Peer) -> None:
        await peer.say(WELCOME)
        asked = await peer.hears("send")
        await asyncio.sleep(0.05)
        await peer.say(ack(asked))

    async with scripted(script) as url, quick_client(url) as chat:
        sending = asyncio.create_task(chat.send("general", "hi", id="mine"))
        await asyncio.sleep(0)
        with pytest.raises(IdReused):
            await chat.send("general", "hi", id="mine")
        await sending


def test_errors_that_say_nothing_are_errors_all_the_same() -> None:
    found = parley_client.errors.refused({"code": 7, "detail": None, "retry_after": "soon"})

    assert (type(found), found.code, found.retry_after) == (Refused, "7", None)
    assert issubclass(ServerError, Refused)
