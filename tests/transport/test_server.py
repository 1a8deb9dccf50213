"""The process that serves: where it listens, how it starts and how it ends."""

import asyncio
import errno
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from httpx2 import AsyncClient

from app.domain.connection_limits import TCP_USER_TIMEOUT_MS
from app.transport.listening import ListenError, PortInUse, listen
from app.transport.server import Server, options


async def _nothing() -> None:
    return None


class Stage:
    """A server in the test's own loop, and what happens to it, in order."""

    def __init__(
        self,
        *,
        drain: Callable[[], Awaitable[None]] = _nothing,
        close: Callable[[], Awaitable[None]] = _nothing,
        **chosen: Any,
    ) -> None:
        self.happened: list[str] = []
        self.ready = asyncio.Event()
        self.interrupted = asyncio.Event()
        self.socket = listen("127.0.0.1", 0)
        self.port: int = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._drain = drain
        self._close = close
        app = FastAPI(lifespan=self._lifespan)
        app.get("/")(_nothing)
        given = {
            "forwarded_allow_ips": "127.0.0.1",
            "ws_compression": False,
            "shutdown_seconds": 5,
        }
        config = uvicorn.Config(app, lifespan="off", **options(**{**given, **chosen}))
        self.server = Server(app, config, self._on_ready)

    async def serve(self) -> None:
        await self.server.serve([self.socket])

    def _on_ready(self) -> None:
        self.happened.append("ready")
        self.ready.set()

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async def drain() -> None:
            self.happened.append("draining")
            await self._drain()

        def interrupt() -> None:
            self.happened.append("interrupted")
            self.interrupted.set()

        app.state.runtime = SimpleNamespace(drain=drain, interrupt=interrupt)
        self.happened.append("opened")
        yield {"runtime": app.state.runtime}
        await self._close()
        self.happened.append("closed")


def test_a_port_of_0_is_one_that_is_free() -> None:
    with listen("127.0.0.1", 0) as one, listen("127.0.0.1", 0) as other:
        assert one.getsockname()[1] not in (0, other.getsockname()[1])


def test_a_peer_that_takes_nothing_is_given_up() -> None:
    with listen("127.0.0.1", 0) as listening:
        found = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)

    assert found == TCP_USER_TIMEOUT_MS


def test_a_port_that_is_taken_is_said_at_once() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(PortInUse, match=f"Another program listens on port {port}"):
            listen("127.0.0.1", port)


def test_a_host_that_is_none_is_said() -> None:
    with pytest.raises(ListenError, match=r"There is no address 'no\.such\.host\.invalid'"):
        listen("no.such.host.invalid", 0)


def test_an_address_of_another_machine_is_said() -> None:
    with pytest.raises(ListenError, match=r"not possible to listen on port \d+ of 192\.0\.2\.1"):
        listen("192.0.2.1", 0)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_the_clients_go_first(sent: signal.Signals) -> None:
    stage = Stage()

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(stage.serve())
        await stage.ready.wait()
        async with AsyncClient() as client:
            answer = await client.get(stage.url)
        signal.raise_signal(sent)

    assert answer.status_code == 200
    assert "server" not in answer.headers
    assert stage.happened == ["opened", "ready", "draining", "closed"]


async def test_a_goodbye_that_takes_too_long_is_cut_short() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    stage = Stage(drain=forever, shutdown_seconds=1)

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(stage.serve())
        await stage.ready.wait()
        signal.raise_signal(signal.SIGTERM)

    assert stage.happened == ["opened", "ready", "draining", "interrupted", "closed"]


@pytest.mark.parametrize("waits_in", ["drain", "close"])
async def test_what_waits_is_interrupted_while_there_is_time_to_answer(waits_in: str) -> None:
    stage: Stage

    async def wait() -> None:
        await stage.interrupted.wait()

    stage = Stage(**{waits_in: wait}, shutdown_seconds=1)

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(stage.serve())
        await stage.ready.wait()
        signal.raise_signal(signal.SIGTERM)

    assert stage.happened == ["opened", "ready", "draining", "interrupted", "closed"]


async def test_nobody_new_is_taken_while_it_says_goodbye() -> None:
    refused: list[str] = []

    async def drain() -> None:
        try:
            await asyncio.open_connection("127.0.0.1", stage.port)
        except OSError as exc:
            refused.append(type(exc).__name__)

    stage = Stage(drain=drain)

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(stage.serve())
        await stage.ready.wait()
        signal.raise_signal(signal.SIGTERM)

    assert refused == ["ConnectionRefusedError"]


async def test_a_start_that_fails_is_raised() -> None:
    stage = Stage()

    @asynccontextmanager
    async def broken(_app: FastAPI) -> AsyncIterator[None]:
        raise LookupError("no database")
        yield

    stage.server._app.router.lifespan_context = broken

    with pytest.raises(LookupError, match="no database"):
        await stage.serve()
    assert stage.happened == []
    stage.socket.close()


def test_no_limit_is_no_limit() -> None:
    found = options(forwarded_allow_ips="*", ws_compression=True, shutdown_seconds=0)

    assert found["timeout_graceful_shutdown"] is None


def test_a_family_that_the_machine_has_not_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*_args: Any, **_kwargs: Any) -> Any:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr("app.transport.server.socket.socket", without)

    with pytest.raises(ListenError, match="Address family not supported"):
        listen("::1", 0)
