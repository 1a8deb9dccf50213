"""HTTP/1.1 over a real socket: one request after the other, and an end to everything."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import uvicorn
from uvicorn.server import ServerState

from app.api.middleware import refuse_request
from app.domain.connection_limits import LINGER_BYTES
from app.transport.context import ServerContext, TransportLimits
from app.transport.http import HttpProtocol
from app.transport.http_exchange import HttpExchange
from app.transport.http_reader import RequestReader
from app.transport.http_request import Request
from app.transport.linger import Linger
from app.transport.server import ConnectionFactory
from tests.harness.patience import patience, turns, until
from tests.transport.memory import MemoryTransport

GET = b"GET /one HTTP/1.1\r\nHost: here\r\n\r\n"
POST = b"POST /two HTTP/1.1\r\nHost: here\r\n"


class App:
    """An app that answers with what it is told, and keeps what it was asked."""

    def __init__(self, answer: Callable[..., Any] | None = None) -> None:
        self.asked: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self._answer = answer or self._echo

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope["path"])
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await self._answer(scope, receive, send)
        finally:
            self.at_once -= 1

    @staticmethod
    async def _echo(scope: Any, receive: Any, send: Any) -> None:
        await respond(send, (await body_of(receive)) or scope["path"].encode())


async def body_of(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        assert message["type"] == "http.request"
        body += message["body"]
        more = message["more_body"]
    return body


async def respond(send: Any, body: bytes, status: int = 200, headers: Any = None) -> None:
    if headers is None:
        headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Client:
    """A peer that writes bytes, and reads responses."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def asks(self, data: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
        self.writer.write(data)
        return await self.answer(head=data.startswith(b"HEAD"))

    async def answer(self, *, head: bool = False) -> tuple[int, dict[bytes, bytes], bytes]:
        async with patience("an answer"):
            first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[:-2]
            headers = dict(line.split(b": ", 1) for line in lines)
            body = b""
            if head or first[9:12] in (b"204", b"304"):
                pass
            elif b"content-length" in headers:
                body = await self.reader.readexactly(int(headers[b"content-length"]))
            elif b"transfer-encoding" in headers:
                while size := int(await self.reader.readline(), 16):
                    body += (await self.reader.readexactly(size + 2))[:-2]
                await self.reader.readline()
            else:
                body = await self.reader.read()
        return int(first.split()[1]), headers, body

    async def end(self) -> bytes:
        async with patience("the end"):
            return await self.reader.read()


class Stage:
    """A server of connections, and nothing else of a server."""

    def __init__(self, app: Any, limits: TransportLimits) -> None:
        self.state = ServerState()
        self.config = uvicorn.Config(app, proxy_headers=False, log_config=None)
        self.config.load()
        self.make = ConnectionFactory(limits, compression=False, refuse=refuse_request)

    def protocol(self) -> asyncio.Protocol:
        return self.make(self.config, self.state, {})


@asynccontextmanager
async def serving(
    app: Any, limits: TransportLimits | None = None
) -> AsyncIterator[tuple[Client, Stage]]:
    """A client of an app that is served."""
    stage = Stage(app, limits or TransportLimits())
    loop = asyncio.get_running_loop()
    sockets = await loop.create_server(stage.protocol, "127.0.0.1", 0)
    client = Client(*await asyncio.open_connection(*sockets.sockets[0].getsockname()))
    yield client, stage
    client.writer.close()
    await until(lambda: not stage.state.connections and not stage.state.tasks, "the end")
    sockets.close()
    await sockets.wait_closed()


async def test_a_connection_answers_one_request_after_the_other() -> None:
    app = App()
    async with serving(app) as (client, _):
        assert (await client.asks(GET))[::2] == (200, b"/one")
        assert (await client.asks(POST + b"Content-Length: 5\r\n\r\nhello"))[2] == b"hello"
        chunks = b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n"
        assert (await client.asks(POST + chunks))[2] == b"hello"


async def test_pipelined_requests_reach_the_app_one_at_a_time() -> None:
    app = App()
    async with serving(app) as (client, _):
        count = 200
        client.writer.write(GET * count)
        for _ in range(count):
            assert (await client.answer())[0] == 200

    assert app.most_at_once == 1
    assert app.asked == ["/one"] * count


async def test_what_is_pipelined_behind_an_answer_is_not_read() -> None:
    go_on = asyncio.Event()

    async def slowly(_scope: Any, _receive: Any, send: Any) -> None:
        await go_on.wait()
        await respond(send, b"done")

    app = App(slowly)
    async with serving(app) as (client, stage):
        client.writer.write(GET)
        await until(lambda: app.asked, "the first")
        client.writer.write(GET * 500)
        [connection] = stage.state.connections
        await until(lambda: not connection._transport.is_reading(), "the pause")
        assert len(app.asked) == 1
        go_on.set()
        for _ in range(501):
            assert (await client.answer())[2] == b"done"


async def test_answers_that_are_not_read_stop_the_requests() -> None:
    big = b"x" * 200_000

    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        await respond(send, big)

    app = App(answer)
    async with serving(app) as (client, stage):
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        client.writer.write(GET * 300)
        [connection] = await connections(stage)
        await until(lambda: not connection.writable.is_open, "the peer's being behind")
        asked = len(app.asked)
        assert asked < 100
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        for _ in range(300):
            assert (await client.answer())[2] == big


async def connections(stage: Stage) -> list[HttpProtocol]:
    def found() -> list[Any]:
        return [each for each in stage.state.connections if isinstance(each, HttpProtocol)]

    await until(found, "the connection")
    return found()


async def test_a_body_that_the_app_does_not_take_is_not_read() -> None:
    go_on = asyncio.Event()

    async def slowly(_scope: Any, receive: Any, send: Any) -> None:
        await go_on.wait()
        await respond(send, b"%d" % len(await body_of(receive)))

    size = 1_000_000
    async with serving(App(slowly)) as (client, stage):
        client.writer.write(POST + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)
        [connection] = await connections(stage)
        await until(lambda: not connection._transport.is_reading(), "the pause")
        request = connection._reader.request
        assert request is not None
        assert len(request.body) < size
        go_on.set()
        assert (await client.answer())[2] == b"%d" % size


async def test_an_answer_before_the_end_of_the_request_is_the_last() -> None:
    async def refuse(_scope: Any, _receive: Any, send: Any) -> None:
        await respond(send, b"too large", 413)

    app = App(refuse)
    async with serving(app) as (client, _):
        client.writer.write(POST + b"Content-Length: 1000000\r\n\r\n" + b"x" * 100_000)
        # What it still sends does not destroy the answer.
        client.writer.write(b"x" * 100_000)
        assert (await client.answer())[::2] == (413, b"too large")
        assert await client.end() == b""

    assert app.asked == ["/two"]


async def test_what_still_comes_at_the_end_is_thrown_away_and_bounded() -> None:
    async def refuse(_scope: Any, _receive: Any, send: Any) -> None:
        await respond(send, b"", 413)

    limits = TransportLimits(close_seconds=0.1)
    async with serving(App(refuse), limits) as (client, stage):
        client.writer.write(POST + b"Content-Length: 100000000\r\n\r\n")
        assert (await client.answer())[0] == 413
        client.writer.write(b"x" * 100 * LINGER_BYTES)
        # It is neither read for ever, nor kept.
        await until(lambda: not stage.state.connections, "its being dropped")
        client.writer.transport.abort()


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", "Host", id="no Host"),
        pytest.param(b"NONSENSE\r\n\r\n", "HTTP/1.1", id="nonsense"),
        pytest.param(POST + b"Content-Length: x\r\n\r\n", "HTTP/1.1", id="no length"),
        pytest.param(
            GET[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\n{}",
            "body",
            id="a handshake with a body",
        ),
        pytest.param(
            GET[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "Key", id="no key"
        ),
    ],
)
async def test_what_is_no_request_is_a_problem(data: bytes, detail: str) -> None:
    app = App()
    async with serving(app) as (client, _):
        status, headers, body = await client.asks(data)

        assert status == 400
        assert headers[b"content-type"] == b"application/problem+json"
        assert headers[b"connection"] == b"close"
        assert headers[b"x-content-type-options"] == b"nosniff"
        assert headers[b"x-request-id"]
        problem = orjson.loads(body)
        assert (problem["status"], problem["code"]) == (400, "bad_request")
        assert detail in problem["detail"]
        assert await client.end() == b""
    assert app.asked == []


async def test_nonsense_behind_a_request_is_answered_behind_it() -> None:
    async with serving(App()) as (client, _):
        assert (await client.asks(GET + b"NONSENSE\r\n\r\n"))[0] == 200
        assert (await client.answer())[0] == 400
        assert await client.end() == b""


async def test_a_body_that_breaks_off_ends_the_connection() -> None:
    met: list[str] = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        while met[-1:] != ["http.disconnect"]:
            met.append((await receive())["type"])
        await respond(send, b"late")

    async with serving(app) as (client, _):
        client.writer.write(POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        await until(lambda: met, "the first of it")
        status, _, _ = await client.asks(b"x\r\n")
        assert status == 400
        assert await client.end() == b""
    assert met[-1] == "http.disconnect"


async def test_a_head_has_no_body() -> None:
    async with serving(App()) as (client, _):
        status, headers, _ = await client.asks(GET.replace(b"GET", b"HEAD"))
        assert (status, headers[b"content-length"]) == (200, b"4")
        assert (await client.asks(GET))[2] == b"/one"


async def test_a_response_of_unknown_length_is_chunked() -> None:
    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in (b"one", b"", b"two"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})

    async with serving(App(answer)) as (client, _):
        for _ in range(2):
            status, headers, body = await client.asks(GET)
            assert headers[b"transfer-encoding"] == b"chunked"
            assert (status, body) == (200, b"onetwo")
        old = GET.replace(b"1.1", b"1.0")
        status, headers, body = await client.asks(old)
        assert b"transfer-encoding" not in headers
        assert body == b"onetwo"


async def test_nothing_has_no_body() -> None:
    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        await respond(send, b"", 204, [])

    async with serving(App(answer)) as (client, _):
        for _ in range(2):
            status, headers, _ = await client.asks(GET)
            assert status == 204
            assert b"transfer-encoding" not in headers


@pytest.mark.parametrize(
    ("said", "stays"),
    [
        (b"", True),
        (b"Connection: close\r\n", False),
        (b"Connection: keep-alive\r\n", True),
    ],
)
async def test_a_client_says_whether_it_stays(said: bytes, stays: bool) -> None:
    async with serving(App()) as (client, _):
        _, headers, _ = await client.asks(GET[:-2] + said + b"\r\n")
        assert (headers.get(b"connection") != b"close") == stays
        if stays:
            assert (await client.asks(GET))[0] == 200
        else:
            assert await client.end() == b""


async def test_a_connection_that_asks_nothing_more_is_closed() -> None:
    async with serving(App(), TransportLimits(keep_alive_seconds=0.05)) as (client, _):
        assert (await client.asks(GET))[0] == 200
        assert await client.end() == b""


@pytest.mark.parametrize(
    "said", [b"GET", POST + b"Content-Length: 9\r\n\r\nhal"], ids=["a header", "a body"]
)
async def test_a_second_request_that_never_ends_is_not_waited_for(said: bytes) -> None:
    async def wait(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST":
            while (await receive())["type"] != "http.disconnect":
                pass
        await respond(send, b"")

    limits = TransportLimits(request_seconds=0.1, keep_alive_seconds=60.0)
    async with serving(wait, limits) as (client, _):
        assert (await client.asks(GET))[0] == 200
        client.writer.write(said)
        with suppress(ConnectionError):
            assert await client.end() == b""


async def test_a_client_that_wants_to_be_asked_for_its_body_is_asked() -> None:
    async with serving(App()) as (client, _):
        client.writer.write(POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        async with patience("being asked"):
            assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await client.asks(b"hello"))[2] == b"hello"


async def test_an_app_notices_that_its_client_has_gone() -> None:
    gone = asyncio.Event()

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"
        await respond(send, b"nobody reads this")
        gone.set()

    async with serving(app) as (client, stage):
        client.writer.write(GET)
        await connections(stage)
        client.writer.transport.abort()
        async with patience("its being noticed"):
            await gone.wait()


@pytest.mark.parametrize("begun", [False, True])
async def test_an_app_that_fails_is_no_silence(
    begun: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        raise ZeroDivisionError

    async with serving(app) as (client, _):
        client.writer.write(GET)
        async with patience("the end"):
            answer = await client.reader.read()
    assert answer.startswith(b"HTTP/1.1 200" if begun else b"HTTP/1.1 500")
    assert not answer.endswith(b"0\r\n\r\n")
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([{"type": "http.response.body", "body": b""}], id="a body first"),
        pytest.param([{"type": "http.response.start", "status": 200}] * 2, id="two starts"),
        pytest.param(
            [{"type": "http.response.start", "status": 200, "headers": [(b"a b", b"")]}],
            id="a space in a name",
        ),
        pytest.param(
            [{"type": "http.response.start", "status": 200, "headers": [(b"a", b"b\r\nc: d")]}],
            id="a line feed in a value",
        ),
        pytest.param(
            [
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"content-length", b"1")],
                },
                {"type": "http.response.body", "body": b"xy"},
            ],
            id="too much",
        ),
        pytest.param(
            [
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"content-length", b"3")],
                },
                {"type": "http.response.body", "body": b"xy"},
            ],
            id="too little",
        ),
    ],
)
async def test_an_app_can_not_send_what_is_no_response(messages: list[Any]) -> None:
    failed: list[str] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        try:
            for message in messages:
                await send(message)
        except RuntimeError as exc:
            failed.append(str(exc))
            raise

    async with serving(app) as (client, _):
        client.writer.write(GET)
        await client.end()
    assert len(failed) == 1


async def test_a_server_that_stops_answers_what_it_has_begun() -> None:
    go_on = asyncio.Event()

    async def slowly(_scope: Any, _receive: Any, send: Any) -> None:
        await go_on.wait()
        await respond(send, b"done")

    app = App(slowly)
    async with serving(app) as (client, stage):
        client.writer.write(GET * 2)
        await until(lambda: app.asked, "the request")
        for connection in list(stage.state.connections):
            connection.shutdown()
        go_on.set()

        _, headers, body = await client.answer()
        assert (headers[b"connection"], body) == (b"close", b"done")
        assert await client.end() == b""
    assert len(app.asked) == 1


async def test_what_was_sent_is_what_the_app_sees() -> None:
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        seen.append(scope)
        await respond(send, b"")

    async with serving(app) as (client, _):
        await client.asks(b"GET /a%20b/?c=%20d#e HTTP/1.1\r\nHost: here\r\nX-Y: z\r\n\r\n")
        await client.asks(b"GET http://here/abs?q HTTP/1.1\r\nHost: here\r\n\r\n")

    first, second = seen
    assert (first["path"], first["raw_path"]) == ("/a b/", b"/a%20b/")
    assert first["query_string"] == b"c=%20d"
    assert first["headers"] == [(b"host", b"here"), (b"x-y", b"z")]
    assert (first["scheme"], first["http_version"]) == ("http", "1.1")
    assert (second["path"], second["query_string"]) == ("/abs", b"q")


async def test_nothing_is_left_of_a_connection() -> None:
    """And the collector was not needed."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/two":
            await receive()
        await respond(send, b"x")

    of_a_connection = (HttpProtocol, HttpExchange, Request, RequestReader, Linger)
    gc.collect()
    gc.disable()
    try:
        async with serving(app) as (client, _):
            assert (await client.asks(GET))[0] == 200
            # Answered before it was whole, and then cut off.
            assert (await client.asks(POST + b"Content-Length: 5\r\n\r\nh"))[0] == 200
            del client
        await turns()
        assert [type(each) for each in gc.get_objects() if isinstance(each, of_a_connection)] == []
    finally:
        gc.enable()


def crowd(app: Any, limits: TransportLimits, count: int) -> list[tuple[HttpProtocol, Any]]:
    """So many connections, each of which sends a request in this turn of the loop."""
    server = SimpleNamespace(connections=set(), tasks=set(), default_headers=[])
    context = ServerContext(app=app, server=server, limits=limits)
    connections = []
    for port in range(count):
        transport = MemoryTransport()
        connection = HttpProtocol(context, transport, None, ("192.0.2.1", port), None)
        connection.data_received(GET)
        connections.append((connection, transport))
    return connections


async def test_a_crowd_is_let_in_a_few_requests_a_turn() -> None:
    app = App()
    connections = crowd(app, TransportLimits(requests_per_turn=2), 7)
    begun = []
    while len(app.asked) < 7:
        before = len(app.asked)
        await asyncio.sleep(0)
        begun.append(len(app.asked) - before)

    assert max(begun) == 2
    await until(lambda: all(transport.written for _, transport in connections), "the answers")
    for connection, _ in connections:
        connection.connection_lost(None)


async def test_a_client_that_is_gone_before_its_turn_asks_nothing() -> None:
    app = App()
    (first, _), (second, _), (third, transport) = crowd(
        app, TransportLimits(requests_per_turn=1), 3
    )
    second.connection_lost(None)

    await until(lambda: transport.written, "the answer to the third")

    assert len(app.asked) == 2
    for connection in (first, third):
        connection.connection_lost(None)


async def slow_download(limits: TransportLimits, said: bytes, pause: float) -> bytes:
    """What a client gets that takes a long response in small pieces."""

    async def export(_scope: Any, _receive: Any, send: Any) -> None:
        await respond(send, b"x" * 1_000_000)

    async with serving(App(export), limits) as (_, stage):
        loop, got = asyncio.get_running_loop(), b""
        sockets = await loop.create_server(stage.protocol, "127.0.0.1", 0)
        with socket.socket() as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
            peer.setblocking(False)
            await loop.sock_connect(peer, sockets.sockets[0].getsockname())
            await loop.sock_sendall(peer, GET[:-2] + said + b"\r\n")
            while piece := await loop.sock_recv(peer, 32 * 1024):
                got += piece
                await asyncio.sleep(pause)
        sockets.close()
    return got.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("said", [b"Connection: close\r\n", b""], ids=["last", "kept alive"])
async def test_a_slow_download_is_not_cut_short(said: bytes) -> None:
    limits = TransportLimits(close_seconds=0.3, keep_alive_seconds=0.1)

    assert len(await slow_download(limits, said, 0.03)) == 1_000_000
