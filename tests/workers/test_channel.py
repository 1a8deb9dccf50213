"""What a supervisor and a worker say to each other."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest

from app.workers.channel import Channel


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Channel, Channel]]:
    one, other = socket.socketpair()
    channels = await Channel.open(one), await Channel.open(other)
    yield channels
    for channel in channels:
        channel.close()


async def listen(channel: Channel) -> None:
    """Answer every question with what was asked, twice."""
    async for message in channel.messages():
        channel.answer(message["number"], message["ask"] * 2)


async def test_what_is_said_is_heard_in_order(ends: tuple[Channel, Channel]) -> None:
    one, other = ends

    one.say("ready")
    one.say("stop")
    one.close()

    assert [message async for message in other.messages()] == [{"say": "ready"}, {"say": "stop"}]


async def test_both_ends_ask_at_the_same_time(ends: tuple[Channel, Channel]) -> None:
    listening = [asyncio.create_task(listen(end)) for end in ends]

    answers = await asyncio.gather(*(end.ask(word, 30) for end in ends for word in ("a", "b")))

    assert answers == ["aa", "bb", "aa", "bb"]
    for task in listening:
        task.cancel()


async def test_a_question_without_an_answer_ends(ends: tuple[Channel, Channel]) -> None:
    one, other = ends
    listening = asyncio.create_task(listen(one))

    with pytest.raises(TimeoutError):
        await one.ask("a", 0)
    # An answer that comes too late is nobody's.
    questions = other.messages()
    late = await anext(questions)
    other.answer(late["number"], "late")
    asking = asyncio.create_task(one.ask("b", 30))
    in_time = await anext(questions)
    other.answer(in_time["number"], "in time")

    assert await asking == "in time"
    listening.cancel()


async def test_an_end_that_dies_while_it_writes_has_said_nothing() -> None:
    one, other = socket.socketpair()
    channel = await Channel.open(other)
    one.sendall(json.dumps({"say": "ready"}).encode())
    one.close()

    assert [message async for message in channel.messages()] == []

    # Without effect: the other end is gone.
    channel.say("stop")
    channel.close()
    channel.say("stop")
