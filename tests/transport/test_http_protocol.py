"""HTTP connections without a network: what is read, when, and how much of it waits."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from app.domain.connection_limits import MAX_UNREAD_BODY_BYTES, READ_PIECES_PER_TURN
from app.transport.base import UNACKNOWLEDGED
from app.transport.context import ServerContext, TransportLimits
from app.transport.http import HttpProtocol
from tests.harness.patience import until
from tests.transport.memory import MemoryTransport

VERSION = b"Sec-WebSocket-Version: 13"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


async def answer(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


def connect(app: Any = answer, **limits: Any) -> tuple[HttpProtocol, MemoryTransport]:
    """A connection of a server that has no other."""
    transport = MemoryTransport()
    server = SimpleNamespace(connections=set(), tasks=set(), default_headers=[])
    context = ServerContext(app=app, server=server, limits=TransportLimits(**limits))
    return HttpProtocol(context, transport, None, None, None), transport


async def test_empty_lines_before_a_request_are_read_a_few_in_a_turn() -> None:
    connection, transport = connect()

    connection.data_received(b"\r\n\r\n" * (2 * READ_PIECES_PER_TURN) + GET)

    assert not transport.reading
    await until(lambda: b"204 No Content" in transport.written, "the answer")
    connection.connection_lost(None)


async def test_empty_lines_between_requests_are_read_a_few_in_a_turn() -> None:
    connection, transport = connect()

    connection.data_received(GET + b"\r\n\r\n" * (2 * READ_PIECES_PER_TURN) + GET)

    await until(lambda: transport.written.count(b"204 No Content") == 2, "both answers")
    connection.connection_lost(None)


async def test_a_target_without_a_path_is_refused_before_its_turn() -> None:
    connection, transport = connect(requests_per_turn=0)

    connection.data_received(b"GET http://here:99999/ HTTP/1.1\r\nHost: here\r\n\r\n")

    assert b"400 Bad Request" in transport.written
    transport.protocol.connection_lost(None)


@pytest.mark.parametrize("target", [b"/ws?a=b", b"http://here/ws?a=b", b"/ws?a=b#c"])
async def test_a_handshake_names_its_path_in_any_form(target: bytes) -> None:
    scopes: list[Any] = []

    async def refuse(scope: Any, _receive: Any, send: Any) -> None:
        scopes.append(scope)
        await send({"type": "websocket.close"})

    connection, transport = connect(refuse)
    headers = [
        b"Host: here",
        b"Connection: Upgrade",
        b"Upgrade: websocket",
        VERSION,
        KEY,
        b"",
        b"",
    ]
    connection.data_received(b"\r\n".join([b"GET %s HTTP/1.1" % target, *headers]))
    await until(lambda: b"403 Forbidden" in transport.written, "the answer")

    assert scopes[0]["path"] == "/ws"
    assert scopes[0]["query_string"] == b"a=b"
    transport.protocol.connection_lost(None)


async def test_a_long_body_behind_another_request_pauses_reading() -> None:
    begun: list[str] = []
    done = asyncio.Event()

    async def wait(scope: Any, receive: Any, send: Any) -> None:
        begun.append(scope["method"])
        if scope["method"] == "GET":
            await answer(scope, receive, send)
        else:
            await done.wait()

    connection, transport = connect(wait)
    post = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 500000\r\n\r\n"
    connection.data_received(GET + post)
    await until(lambda: begun == ["GET", "POST"], "the second request")
    connection.data_received(b"x" * (MAX_UNREAD_BODY_BYTES + 1))

    assert not transport.reading
    done.set()
    connection.connection_lost(None)


@pytest.mark.parametrize(
    "header", [(b"x-a", b"a\r\nX-B: b"), (b"x a", b"a"), (b"content-length", b"five")]
)
async def test_an_app_may_answer_again_if_its_headers_are_not_legal(header: Any) -> None:
    async def recover(_scope: Any, _receive: Any, send: Any) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": [header]}
        with pytest.raises(RuntimeError):
            await send(start)
        await send({"type": "http.response.start", "status": 500})
        await send({"type": "http.response.body"})

    connection, transport = connect(recover)
    connection.data_received(GET)
    await until(lambda: b"\r\n\r\n" in transport.written, "the answer")

    assert transport.written.startswith(b"HTTP/1.1 500")
    assert b"X-B" not in transport.written
    connection.connection_lost(None)


@pytest.mark.parametrize(
    ("request_", "answer", "needed"),
    [
        pytest.param(b"POST", b"405", b"allow: GET", id="another method"),
        pytest.param(b"GET", b"426", b"upgrade: websocket", id="two upgrades"),
    ],
)
async def test_a_refused_handshake_says_what_is_allowed(
    request_: bytes, answer: bytes, needed: bytes
) -> None:
    connection, transport = connect()
    offers = [b"Upgrade: websocket"] * (2 if request_ == b"GET" else 1)
    lines = [request_ + b" /ws HTTP/1.1", b"Host: here", b"Connection: Upgrade", *offers]

    connection.data_received(b"\r\n".join([*lines, VERSION, KEY, b"", b""]))

    assert transport.written.startswith(b"HTTP/1.1 " + answer)
    assert needed in transport.written.split(b"\r\n")
    transport.protocol.connection_lost(None)


async def test_invalid_handshakes_take_turns_too() -> None:
    connection, transport = connect(handshakes_per_turn=0)
    lines = [b"POST /ws HTTP/1.1", b"Host: here", b"Connection: Upgrade", b"Upgrade: websocket"]

    connection.data_received(b"\r\n".join([*lines, VERSION, KEY, b"", b""]))

    assert transport.written == b""
    assert not transport.reading
    connection.connection_lost(None)


async def test_an_app_can_ask_what_the_peer_has_not_acknowledged() -> None:
    scopes: list[Any] = []

    async def keep(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await answer(scope, receive, send)

    connection, transport = connect(keep)
    connection.data_received(GET)
    await until(lambda: b"204 No Content" in transport.written, "the answer")

    assert scopes[0]["extensions"][UNACKNOWLEDGED]() == transport.get_write_buffer_size()
    connection.connection_lost(None)
