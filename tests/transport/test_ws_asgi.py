"""A WebSocket of ours as any ASGI app sees it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.harness.patience import turns
from tests.transport.memory import MemorySocket, Opcode, frames_of


class App:
    """Accepts, keeps ``send`` for the test, and ends with the connection."""

    def __init__(self) -> None:
        self.send: Callable[[Any], Awaitable[None]]

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        await receive()
        self.send = send
        while (await receive())["type"] != "websocket.disconnect":
            pass


async def connected(*, accept: bool = True) -> tuple[MemorySocket, App]:
    app = App()
    socket = MemorySocket(app=app)
    await turns(3)
    if accept:
        await app.send({"type": "websocket.accept"})
    return socket, app


@pytest.mark.parametrize(
    "unsafe",
    [
        pytest.param({"headers": [(b"x-a", b"a\r\nX-B: b")]}, id="value"),
        pytest.param({"headers": [(b"x-a: b\r\nx-b", b"a")]}, id="name"),
        pytest.param({"subprotocol": "a\r\nX-B: b"}, id="subprotocol"),
    ],
)
async def test_no_header_ends_its_line(unsafe: dict[str, Any]) -> None:
    socket, app = await connected(accept=False)

    with pytest.raises(RuntimeError):
        await app.send({"type": "websocket.accept", **unsafe})

    assert socket.transport.written == b""
    await app.send({"type": "websocket.accept"})
    assert socket.transport.written.startswith(b"HTTP/1.1 101")
    await socket.lose()


async def test_sending_to_a_peer_that_is_gone_is_an_os_error() -> None:
    socket, app = await connected()
    await socket.lose()

    with pytest.raises(OSError):  # noqa: PT011 - what ASGI promises
        await app.send({"type": "websocket.send", "text": "late"})


@pytest.mark.parametrize("reason", ["x" * 200, "ü" * 100])
async def test_a_long_reason_is_cut_between_characters(reason: str) -> None:
    socket, app = await connected()

    await app.send({"type": "websocket.close", "code": 3000, "reason": reason})

    [(opcode, payload)] = frames_of(socket.answered)
    assert opcode is Opcode.CLOSE
    assert 120 < len(payload) <= 125
    assert reason.startswith(payload[2:].decode())
    await socket.lose()


@pytest.mark.parametrize("code", [0, 999, 1005, 1006, 1015, 2999, 5000, 70_000])
async def test_a_code_that_is_never_sent_is_an_error(code: int) -> None:
    socket, app = await connected()

    with pytest.raises(RuntimeError):
        await app.send({"type": "websocket.close", "code": code})

    assert socket.close_code is None
    await socket.lose()
