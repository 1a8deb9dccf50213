"""Messages are handled in order, also while a request has to wait."""

import asyncio
from functools import partial

import pytest

from app.domain.close_codes import BAD_FRAMES, INTERNAL
from app.domain.connection_limits import MAX_BAD_FRAMES_IN_A_ROW
from app.domain.token_bucket import TokenBucket
from app.realtime.client_session import ClientSession
from app.realtime.message_reader import MessageReader
from app.realtime.request_handler import Work
from app.transport.base import OnClose, OnMessage
from tests.harness.patience import turns
from tests.realtime.recording import BO, RecordingConnection, RecordingTransport


class FakeRequestHandler:
    """Records requests; ``slow`` ones wait until released, ``bad`` ones fail."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.released = asyncio.Event()

    def execute(self, request: object) -> Work | None:
        text: str = request.text  # type: ignore[attr-defined]
        if text == "bad":
            raise ZeroDivisionError
        if text.startswith("slow"):
            return partial(self._later, text)
        self.done.append(text)
        return None

    async def _later(self, text: str) -> None:
        await self.released.wait()
        if text == "slow and bad":
            raise ZeroDivisionError
        self.done.append(text)


class FakeTransport(RecordingTransport):
    """Delivers messages when the test says so, and records whether reading is paused."""

    def __init__(self) -> None:
        super().__init__()
        self.paused = False
        self.on_message: OnMessage = lambda _message: None

    def accept(self, _subprotocol: str | None) -> bytes:
        return b""

    def set_receiver(self, on_message: OnMessage, _on_close: OnClose) -> None:
        self.on_message = on_message

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    async def close(self, _code: int, _reason: str, _within: float) -> None: ...


class Env:
    """A message reader and everything around it."""

    def __init__(self) -> None:
        self.client = RecordingConnection(BO)
        self.handler = FakeRequestHandler()
        unlimited = TokenBucket(0, 0, 0.0)
        client_session = ClientSession(room="den", frames=unlimited, sends=unlimited)
        self.reader = MessageReader(
            client_session,
            self.handler,  # type: ignore[arg-type]
            self.client.connection.outbox,
            self.client.connection.close,
        )
        self.transport = FakeTransport()
        self.reader.open(self.transport, lambda: None)


async def test_messages_behind_a_request_that_waits_keep_their_order() -> None:
    env = Env()

    for text in ("one", "slow", "two", "slow again", "three"):
        env.transport.on_message(text)
    await turns()
    assert env.handler.done == ["one"]
    assert env.transport.paused
    env.handler.released.set()
    await turns()

    assert env.handler.done == ["one", "slow", "two", "slow again", "three"]
    assert not env.transport.paused
    env.transport.on_message("four")
    assert env.handler.done[-1] == "four"


@pytest.mark.parametrize("text", ["bad", "slow and bad"])
async def test_a_bug_closes_this_connection(text: str, caplog: pytest.LogCaptureFixture) -> None:
    env = Env()
    env.handler.released.set()

    env.transport.on_message(text)
    await turns()

    assert env.client.closes == [INTERNAL]
    assert "inbox.failed" in caplog.text


async def test_messages_after_the_close_are_not_handled() -> None:
    env = Env()
    bad = ["{", b"\0"] * MAX_BAD_FRAMES_IN_A_ROW

    for message in ("one", *bad[:MAX_BAD_FRAMES_IN_A_ROW], "two", "slow"):
        env.transport.on_message(message)
    await turns()

    assert env.client.closes == [BAD_FRAMES]
    assert env.handler.done == ["one"]
    assert env.transport.paused


@pytest.mark.parametrize("begun", [True, False], ids=["begun", "not begun yet"])
async def test_a_closed_reader_handles_nothing_more(begun: bool) -> None:
    env = Env()
    env.transport.on_message("slow")
    env.transport.on_message("two")
    if begun:
        await turns()

    await env.reader.close()
    env.handler.released.set()
    await turns()

    assert env.handler.done == []
    await env.reader.close()
