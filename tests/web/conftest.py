"""
A real server process and a real browser, and the people who sit before it.

``server`` is one process of our own on a free port, over a folder of its own;
it can be killed and started again. All tests share it, so each has a ``room``
of its own, and ``own`` makes names for people. ``visit`` opens a page for
somebody, and at the end says what the browser complained of: nothing, if all is
well.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")

# Starting takes about two seconds; machines that are busy take longer.
START_SECONDS = 60

# Back-off after a kill may take this long; everything else is quick.
PATIENCE_MS = 30_000

# What the browser says while there is no server, in tests that stop it.
OUTAGE = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "WebSocket")


def own(name: str) -> str:
    """A name that no other test uses, for a person or a room."""
    return f"{name}-{secrets.token_hex(3)}"


class Server:
    """One `parley serve`, which can die and come back on the same port and data."""

    def __init__(self, data: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        # What browsers may complain of, because the test is about it.
        self.expected: list[str] = []
        self._log = data / "server.log"
        self._env = {
            **os.environ,
            "DATA_DIR": str(data),
            "ENVIRONMENT": "development",
            # Everybody sits at the same address here.
            "REGISTRATIONS_PER_MINUTE": "0",
            "SENDS_PER_SECOND": "0",
        }
        for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY"):
            self._env.pop(name, None)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it if it isn't running, and wait until it answers."""
        if self._process is not None and self._process.poll() is None:
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app", "serve", "--port", str(self.port)],
                env=self._env,
                stdout=log,
                stderr=log,
            )
        deadline = monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text()
            assert monotonic() < deadline, self._log.read_text()

    def kill(self) -> None:
        """End it as `kill -9` does: it can't say goodbye."""
        self.expected.extend(OUTAGE)
        self.close()

    def make_room(self, name: str) -> None:
        """A public room, by somebody who isn't in the test."""
        host = {"username": f"host-{name}", "password": "nobody knows this one"}
        self._post("/users", json.dumps(host).encode(), {"Content-Type": "application/json"})
        answer = self._post("/token", urllib.parse.urlencode(host).encode(), {})
        headers = {
            "Authorization": f"Bearer {answer['access_token']}",
            "Content-Type": "application/json",
        }
        self._post("/rooms", json.dumps({"name": name, "kind": "public"}).encode(), headers)

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _post(self, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        request = urllib.request.Request(self.url + path, body, headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read()
        return dict(json.loads(body))

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=1):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def room(server: Server) -> str:
    """The name of a public room in which nobody has said anything."""
    server.start()
    name = own("room")
    server.make_room(name)
    return name


# Not for the whole session: Playwright keeps an event loop running meanwhile,
# which the asynchronous tests of other modules couldn't bear.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """
    Open a page of the server for somebody with a browser of their own.

    Fails the test at its end if a browser had anything to complain of: errors,
    warnings, or something that the Content-Security-Policy forbade.
    """
    complaints: list[str] = []
    contexts = []
    server.expected.clear()
    # A test may have left it dead.
    server.start()

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    def visit(path: str = "/", **options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(server.url + path)
        return page

    yield visit

    for context in contexts:
        context.close()
    surprises = [line for line in complaints if not any(word in line for word in server.expected)]
    assert surprises == []
