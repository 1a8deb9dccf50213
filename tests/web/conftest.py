"""
Fixtures: a real server process and a real browser.

``server`` is one process on a free port with a data folder of its own; it can
be killed and started again. All tests share it, so each test uses a ``room`` of
its own and usernames from ``unique``. ``open_page`` opens a page in a browser
context of its own, and fails the test if the browser logged an error.
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
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")

# Starting takes about two seconds, longer on a busy machine.
START_SECONDS = 60

# The back-off after a kill may take this long; everything else is fast.
TIMEOUT_MS = 30_000
expect.set_options(timeout=TIMEOUT_MS)

# Console errors of the browser while the server is down, in tests that kill it.
OUTAGE = (
    "ERR_CONNECTION_REFUSED",
    "ERR_CONNECTION_RESET",
    "ERR_EMPTY_RESPONSE",
    "ERR_SOCKET_NOT_CONNECTED",
    "WebSocket",
)


def unique(name: str) -> str:
    """A name that no other test uses, for a user or a room."""
    return f"{name}-{secrets.token_hex(3)}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--screenshots``."""
    parser.addoption(
        "--screenshots",
        action="store_true",
        help="write the pictures of docs/screenshots anew",
    )


class Server:
    """A `parley serve` process that can be killed and restarted on the same port and data."""

    def __init__(self, data: Path, **settings: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        # The checkout that runs.
        self.checkout = Path(__file__).parents[2]
        # Parts of console errors that the test provokes.
        self.expected: list[str] = []
        self._log = data / "server.log"
        self._env = {
            **os.environ,
            "DATA_DIR": str(data),
            "ENVIRONMENT": "development",
            # All users register from one address.
            "REGISTRATIONS_PER_MINUTE": "0",
            "SENDS_PER_SECOND": "0",
            **settings,
        }
        for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY"):
            self._env.pop(name, None)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server unless it is running, and wait until it answers."""
        if self._process is not None and self._process.poll() is None:
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app", "serve", "--port", str(self.port)],
                cwd=self.checkout,
                env=self._env,
                stdout=log,
                stderr=log,
            )
        deadline = monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text()
            assert monotonic() < deadline, self._log.read_text()

    def kill(self) -> None:
        """Kill the server, as `kill -9` does."""
        self.expected.extend(OUTAGE)
        self.close()

    def create_room(self, name: str) -> None:
        """Create a public room, owned by a user that the test doesn't use."""
        token = self.new_user(f"host-{name}")
        self.call(token, "POST", "/rooms", {"name": name, "kind": "public"})

    def new_user(self, name: str) -> str:
        """Create a user; return an access token."""
        user = {"username": name, "password": "not used by any test"}
        self._ask(
            "POST", "/users", json.dumps(user).encode(), {"Content-Type": "application/json"}
        )
        answer = self._ask("POST", "/token", urllib.parse.urlencode(user).encode(), {})
        return str(answer["access_token"])

    def call(self, token: str, method: str, path: str, body: object) -> dict[str, Any]:
        """Send a request of a user with a body of JSON; return the answer."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return self._ask(method, path, json.dumps(body).encode(), headers)

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        request = urllib.request.Request(self.url + path, body, headers, method=method)
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
    """The name of a new public room without messages."""
    server.start()
    name = unique("room")
    server.create_room(name)
    return name


# Not for the whole session: Playwright keeps an event loop running, which
# breaks the asynchronous tests of other modules.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """
    Open a page of the server in a browser context of its own.

    Fails the test at its end if a browser logged an error, a warning, or a
    violation of the Content-Security-Policy.
    """
    console_errors: list[str] = []
    contexts = []
    server.expected.clear()
    # An earlier test may have killed it.
    server.start()

    def record(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            console_errors.append(message.text)

    def open_page(path: str = "/", **options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        page.on("console", record)
        page.on("pageerror", lambda error: console_errors.append(str(error)))
        page.goto(server.url + path)
        return page

    yield open_page

    for context in contexts:
        context.close()
    unexpected = [
        line for line in console_errors if not any(word in line for word in server.expected)
    ]
    assert unexpected == []
