"""Inside a host application: the mount's path, the host's state, and a forgotten lifespan."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI, Request
from httpx2 import ASGITransport, AsyncClient

from app.main import create_app
from tests.harness.patience import patience
from tests.harness.server import HOST, settings

PASSWORD = "correct horse battery"


def host_with(chat: FastAPI, *, lifespan: bool = True) -> FastAPI:
    """A product with a lifespan, a state and a middleware of its own, and chat below ``/chat``."""

    @asynccontextmanager
    async def entered(_host: FastAPI) -> AsyncIterator[dict[str, str]]:
        if not lifespan:
            yield {"runtime": "the host's own"}
            return
        async with chat.router.lifespan_context(chat):
            yield {"runtime": "the host's own"}

    host = FastAPI(lifespan=entered)
    host.mount("/chat", chat)

    @host.get("/hello")
    async def hello(request: Request) -> str:
        return str(request.state.runtime)

    @host.middleware("http")
    async def stamped(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["X-Host"] = "seen"
        return response

    return host


@asynccontextmanager
async def running(host: FastAPI) -> AsyncIterator[AsyncClient]:
    """A client of the host, which has been started as a server does."""
    async with host.router.lifespan_context(host) as state:

        async def stated(scope: Any, receive: Any, send: Any) -> None:
            scope["state"] = dict(state or {})
            await host(scope, receive, send)

        transport = ASGITransport(stated)
        async with AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
            yield client


async def log_in(client: AsyncClient, name: str) -> dict[str, str]:
    created = await client.post("/chat/users", json={"username": name, "password": PASSWORD})
    assert (created.status_code, created.headers["Location"]) == (201, f"/chat/users/{name}")
    form = {"username": name, "password": PASSWORD}
    token = (await client.post("/chat/token", data=form)).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.sqlite_only
@pytest.mark.parametrize("fast_paths", [True, False])
async def test_a_mounted_app_works_below_its_path(fast_paths: bool) -> None:
    host = host_with(create_app(settings(), fast_paths=fast_paths))
    async with running(host) as client:
        bearer = await log_in(client, "ana")
        await client.put("/chat/rooms/general/members/ana", headers=bearer)

        sent = await client.post(
            "/chat/rooms/general/messages", json={"text": "hi"}, headers=bearer
        )
        page = await client.get("/chat/rooms/general/messages", headers=bearer)

        assert sent.headers["Location"].startswith("/chat/rooms/general/messages/")
        assert (await client.get(sent.headers["Location"], headers=bearer)).json()["text"] == "hi"
        assert [message["text"] for message in page.json()["messages"]] == ["hi"]
        assert page.headers["X-Host"] == "seen"
        assert (await client.get("/hello")).json() == "the host's own"
        assert (await client.get("/chat/")).status_code == 200
        spec = (await client.get("/chat/openapi.json")).json()
        assert spec["servers"] == [{"url": "/chat"}]


@pytest.mark.sqlite_only
async def test_a_socket_is_opened_below_the_path() -> None:
    host = host_with(create_app(settings()))
    async with running(host) as client:
        bearer = await log_in(client, "ana")
        sent: list[dict[str, Any]] = []
        incoming = iter([{"type": "websocket.connect"}])
        welcomed = asyncio.Event()

        async def receive() -> dict[str, Any]:
            for message in incoming:
                return message
            await welcomed.wait()
            return {"type": "websocket.disconnect", "code": 1000}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)
            if message["type"] == "websocket.send":
                welcomed.set()

        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "path": "/chat/ws/general",
            "raw_path": b"/chat/ws/general",
            "root_path": "",
            "query_string": b"",
            "headers": [(b"authorization", bearer["Authorization"].encode())],
            "subprotocols": [],
            "state": {},
        }
        async with patience("the end of the conversation"):
            await host(scope, receive, send)

    assert sent[0]["type"] == "websocket.accept"
    frames = [json.loads(m["text"]) for m in sent if m["type"] == "websocket.send"]
    assert frames[0]["type"] == "welcome"


@pytest.mark.sqlite_only
async def test_without_its_lifespan_it_says_which_line_is_missing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    host = host_with(create_app(settings()), lifespan=False)
    async with running(host) as client:
        answer = await client.get("/chat/health")

    assert answer.status_code == 500
    assert "chat.router.lifespan_context(chat)" in answer.json()["detail"]
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "server.not_started"
    ]


@pytest.mark.sqlite_only
async def test_the_hosts_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://the-host/own")
    monkeypatch.setenv("REGISTRATION", "closed")
    async with running(host_with(create_app(settings()))) as client:
        await log_in(client, "ana")
