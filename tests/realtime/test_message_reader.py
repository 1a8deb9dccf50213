"""What comes in on one socket: in order, also while one request waits."""

import asyncio
from functools import partial

import pytest

from app.domain.close_codes import BAD_FRAMES, INTERNAL
from app.domain.limits import MAX_BAD_FRAMES_IN_A_ROW
from app.domain.token_bucket import TokenBucket
from app.realtime.client_session import ClientSession
from app.realtime.message_reader import MessageReader
from app.realtime.request_handler import Work
from app.transport.base import OnClose, OnMessage
from tests.harness.patience import turns
from tests.realtime.people import BO, Caller, RecordingTransport


class RequestHandler:
    """Carries out requests; ``slow`` ones take until they are let go, ``bad`` ones fail."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.go_on = asyncio.Event()

    def execute(self, request: object) -> Work | None:
        text: str = request.text  # type: ignore[attr-defined]
        if text == "bad":
            raise ZeroDivisionError
        if text.startswith("slow"):
            return partial(self._later, text)
        self.done.append(text)
        return None

    async def _later(self, text: str) -> None:
        await self.go_on.wait()
        if text == "slow and bad":
            raise ZeroDivisionError
        self.done.append(text)


class Wire(RecordingTransport):
    """The transport of a message reader."""

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


class Desk:
    """An inbox, and everything around it."""

    def __init__(self) -> None:
        self.caller = Caller(BO)
        self.handler = RequestHandler()
        unlimited = TokenBucket(0, 0, 0.0)
        protocol = ClientSession(room="den", expires_at=1e9, frames=unlimited, sends=unlimited)
        self.reader = MessageReader(
            protocol,
            self.handler,  # type: ignore[arg-type]
            self.caller.connection.outbox,
            self.caller.connection.close,
        )
        self.wire = Wire()
        self.reader.open(self.wire, lambda: None)


async def test_what_waits_is_followed_by_what_came_after_it() -> None:
    desk = Desk()

    for text in ("one", "slow", "two", "slow again", "three"):
        desk.wire.on_message(text)
    await turns()
    assert desk.handler.done == ["one"]
    assert desk.wire.paused
    desk.handler.go_on.set()
    await turns()

    assert desk.handler.done == ["one", "slow", "two", "slow again", "three"]
    assert not desk.wire.paused
    desk.wire.on_message("four")
    assert desk.handler.done[-1] == "four"


@pytest.mark.parametrize("text", ["bad", "slow and bad"])
async def test_a_fault_of_ours_ends_this_connection(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    desk.handler.go_on.set()

    desk.wire.on_message(text)
    await turns()

    assert desk.caller.closes == [INTERNAL]
    assert "inbox.failed" in caplog.text


async def test_what_comes_behind_the_end_is_not_carried_out() -> None:
    desk = Desk()
    nonsense = ["{", b"\0"] * MAX_BAD_FRAMES_IN_A_ROW

    for message in ("one", *nonsense[:MAX_BAD_FRAMES_IN_A_ROW], "two", "slow"):
        desk.wire.on_message(message)
    await turns()

    assert desk.caller.closes == [BAD_FRAMES]
    assert desk.handler.done == ["one"]
    assert desk.wire.paused


@pytest.mark.parametrize("begun", [True, False], ids=["begun", "not begun yet"])
async def test_closing_handles_nothing_more(begun: bool) -> None:
    desk = Desk()
    desk.wire.on_message("slow")
    desk.wire.on_message("two")
    if begun:
        await turns()

    await desk.reader.close()
    desk.handler.go_on.set()
    await turns()

    assert desk.handler.done == []
    await desk.reader.close()
