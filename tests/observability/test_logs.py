"""Log lines: their format, and that they contain no secret at any level."""

import asyncio
import io
import json
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import uvicorn
import websockets

from app.observability.logs import TRACE, LogContext, configure, event, name_connection

JWT = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjFhMmIifQ.eyJzdWIiOiI3In0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
SECRETS = [JWT, JWT.split(".")[2], "opaque-refresh-token", "hunter2", "meet me at nine", "nine"]
LEVELS = ["critical", "error", "warning", "info", "debug", "trace"]

logger = logging.getLogger("app.test")


@pytest.fixture(autouse=True)
def _restore_loggers() -> Iterator[None]:
    names = [None, *logging.root.manager.loggerDict]
    before = [
        (each, each.level, each.propagate, each.handlers[:])
        for each in map(logging.getLogger, names)
    ]
    yield
    for each, level, propagate, handlers in before:
        each.setLevel(level)
        each.propagate, each.handlers = propagate, handlers


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def test_an_event_is_a_line_with_its_facts(out: io.StringIO) -> None:
    configure(stream=out)

    event(logger, logging.WARNING, "user.login_failed", user="ana", ip="::1", tries=3, why="a b")

    time, _, rest = out.getvalue().partition(" ")
    assert time.endswith("Z")
    assert rest == 'WARNING app.test user.login_failed user=ana ip=::1 tries=3 why="a b"\n'


def test_an_event_is_an_object_in_json(out: io.StringIO) -> None:
    configure(log_format="json", stream=out)

    event(logger, logging.INFO, "room.joined", user="ána\u202e", seq=3, level="mine")

    line = json.loads(out.getvalue())
    assert out.getvalue().isascii()
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "app.test",
        "event": "room.joined",
        "user": "ána\\u202e",
        "seq": 3,
    }


def test_extra_fields_are_facts_too(out: io.StringIO) -> None:
    configure(stream=out)

    logger.info("done", extra={"request_id": "r1", "password": "hunter2"})

    assert out.getvalue().endswith("app.test done request_id=r1 password=***\n")


async def test_lines_of_a_request_carry_its_id_in_its_tasks_too(out: io.StringIO) -> None:
    configure(stream=out)

    async def later() -> None:
        event(logger, logging.INFO, "later")

    async def connected() -> None:
        name_connection("c1")
        await asyncio.create_task(later())

    with LogContext(request="r1"):
        task = asyncio.create_task(connected())
    event(logger, logging.INFO, "outside")
    await task

    outside, inside = out.getvalue().splitlines()
    assert inside.endswith("later request_id=r1 connection_id=c1")
    assert "_id" not in outside


def test_lines_below_the_level_are_dropped(out: io.StringIO) -> None:
    configure("warning", stream=out)

    event(logger, logging.INFO, "room.joined")

    assert out.getvalue() == ""


def test_configuring_twice_writes_once(out: io.StringIO) -> None:
    configure(stream=io.StringIO())
    configure(stream=out)

    event(logger, logging.INFO, "room.joined")

    assert len(out.getvalue().splitlines()) == 1


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_value_can_not_forge_a_line(out: io.StringIO, log_format: Any) -> None:
    configure(log_format=log_format, stream=out)
    evil = "ana\r\n2026-11-21T08:00:00.000Z INFO app user.admin user=eve\x1b[1A\u202e"

    event(logger, logging.INFO, "user.login_failed", user=evil)
    logger.info("hello %s", evil)
    logger.info(f"hello {evil}")  # as others may write it
    try:
        raise ValueError(evil)
    except ValueError:
        logger.exception("failed")

    lines = out.getvalue().splitlines()
    # The traceback of the text format has lines of its own, and each says so.
    heads = [line for line in lines if not line.startswith("  | ")]
    assert len(heads) == 4
    assert "\x1b" not in out.getvalue()
    assert "\u202e" not in out.getvalue()


def test_a_broken_log_call_raises_nothing(
    out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    configure(stream=out)

    logger.info("%d apples", "no")
    logger.info("%(fruit)s", {"fruit": "pear"})

    assert out.getvalue().endswith("app.test pear\n")


@pytest.mark.parametrize("level", ["info", "debug", "trace"])
def test_a_secret_is_masked_in_every_position(out: io.StringIO, level: str) -> None:
    configure(level, stream=out)

    class Holder:
        def __str__(self) -> str:
            return f"<Holder {JWT}>"

    logger.info("token=%s", "hunter2")
    logger.info("%s", Holder())
    logger.info("%s and %s", {"password": "hunter2"}, f"Bearer {JWT}")
    logging.getLogger("sqlalchemy.engine.Engine").info("[raw] %r", ("meet me at nine",))
    logging.getLogger("aiosqlite").debug("executing %s", "'meet me at nine'")
    try:
        raise ValueError(f"[parameters: ('meet me at nine',)] {JWT}")
    except ValueError:
        logger.exception("failed")

    for secret in SECRETS:
        assert secret not in out.getvalue()
    assert "ValueError" in out.getvalue()


# With a real server: what uvicorn and websockets log themselves


async def _application(scope: Any, receive: Any, send: Any) -> None:
    """Answers all requests; a socket that receives ``fail`` raises with the text received."""
    if scope["type"] == "http":
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"text": "meet me at nine"}'})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept", "subprotocol": None})
        while (message := await receive())["type"] == "websocket.receive":
            if "fail" in message["text"]:
                raise ValueError(message["text"])
            await send({"type": "websocket.send", "text": message["text"]})


@asynccontextmanager
async def _serving(**config: Any) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(_application, lifespan="off", **config))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


async def _send_secrets(address: str) -> None:
    """Send every kind of secret in every way that the API accepts."""
    async with httpx2.AsyncClient(base_url=f"http://{address}") as http:
        await http.get("/search", params={"q": "meet me at nine", "token": JWT})
        await http.get("/users/me", headers={"Authorization": f"Bearer {JWT}"})
        await http.post("/token", data={"username": "ana", "password": "hunter2"})
        await http.post("/token/revoke", data={"token": "opaque-refresh-token"})
    for path, options in (
        (f"/ws/general?token={JWT}&since=3", {}),
        ("/ws?token=opaque-refresh-token", {}),
        ("/ws", {"additional_headers": {"Authorization": f"Bearer {JWT}"}}),
        ("/ws", {"subprotocols": ["parley.v1", f"bearer.{JWT}"]}),
    ):
        text = json.dumps({"type": "send", "text": "meet me at nine"})
        async with websockets.connect(f"ws://{address}{path}", **options) as ws:
            await ws.send(text)
            assert await ws.recv() == text
            await ws.send(json.dumps({"type": "auth", "token": JWT}))
            await ws.recv()
            await ws.send(json.dumps({"type": "fail", "text": "meet me at nine"}))
            await ws.wait_closed()


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("level", LEVELS)
async def test_no_level_logs_a_secret(out: io.StringIO, level: str, log_format: Any) -> None:
    configure(level, log_format, stream=out)

    async with _serving(log_config=None, log_level=level) as address:
        await _send_secrets(address)

    _assert_logged_without_secrets(out.getvalue(), level)


@pytest.mark.parametrize("level", LEVELS)
async def test_uvicorns_own_logging_logs_none_either(
    capsys: pytest.CaptureFixture[str], level: str
) -> None:
    async with _serving(log_level=level, use_colors=True) as address:
        await _send_secrets(address)

    captured = capsys.readouterr()
    assert "Logging error" not in captured.err
    _assert_logged_without_secrets(captured.out + captured.err, level)


def _assert_logged_without_secrets(log: str, level: str) -> None:
    """Assert that the lines of the level are there and contain no secret."""
    for secret in SECRETS:
        assert secret not in log
    number = logging.getLevelNamesMapping()[level.upper()]
    assert ("Exception in ASGI application" in log) == (number <= logging.ERROR)
    assert ("/ws/general?token=***&since=3" in log) == (number <= logging.INFO)
    assert ("TEXT [43 bytes]" in log) == (number <= logging.DEBUG)
    assert ("Started scope" in log) == (number <= TRACE)
