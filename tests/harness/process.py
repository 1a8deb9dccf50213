"""
A real server: `parley serve` in a process of its own, with a folder or a database of its own.

It can be stopped, killed and started again; its log is kept. Users register over HTTP, with
passwords, and connect with a strict WebSocket client.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from httpx2 import AsyncClient
from websockets.asyncio.client import connect
from websockets.typing import Origin, Subprotocol

from tests.harness.patience import until
from tests.harness.server import SECRET
from tests.harness.socket_client import SocketClient
from tests.harness.sockets import RealSocket, no_tls

PASSWORD = "correct horse battery"

# Starting takes about two seconds, and longer on a busy machine.
START_SECONDS = 40.0

_LISTENING = re.compile(r"^Parley is listening on http://(127\.0\.0\.1:\d+)$", re.M)


@dataclass
class Login:
    """The tokens of one log-in."""

    name: str
    token: str
    refresh_token: str

    @property
    def bearer(self) -> dict[str, str]:
        """The header that authenticates a request."""
        return {"Authorization": f"Bearer {self.token}"}


class Process:
    """
    One installation, and the process that serves it.

    Args:
        folder: For its data and its log.
        module: What is run: the ``parley`` command, or a script that runs it.
        chosen: Settings: environment variables in lower case.

    """

    def __init__(self, folder: Path, module: str = "app", **chosen: object) -> None:
        self._folder = folder
        self._module = module
        self.log_file = folder / "server.log"
        self.address = ""
        """Host and port, while it is running."""
        self.process: subprocess.Popen[bytes] | None = None
        self._environment = {
            name: value
            for name, value in os.environ.items()
            # What Python and the coverage measurement need, and no setting of the server.
            if name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") or name.startswith("COV")
        }
        settings = {
            # A free one, another at each start.
            "port": 0,
            "data_dir": folder / "data",
            "secret_key": SECRET,
            "sends_per_second": 0,
            "frames_per_second": 0,
            "registrations_per_minute": 0,
            "failed_logins_per_minute": 0,
            "max_connections_per_user": 0,
            **chosen,
        }
        self._environment |= {name.upper(): str(value) for name, value in settings.items()}
        self._clients: list[AsyncClient] = []

    # The process

    async def start(self) -> None:
        """Start the process, and wait until it listens."""
        log_start = len(self.log)
        process = self.process = self._spawn()

        def listens() -> bool:
            assert process.poll() is None, self.log
            found = _LISTENING.search(self.log, log_start)
            if found:
                self.address = found[1]
            return found is not None

        await until(listens, "the server to start", START_SECONDS)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", self._module, "serve"],
                cwd=Path(__file__).parents[2],
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """Kill the process, as a power cut does."""
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self, seconds: float) -> int:
        """Wait for the process to end; return its exit code."""
        process = self.process
        assert process is not None
        await until(lambda: process.poll() is not None, "the server to end", seconds)
        assert process.returncode is not None
        return process.returncode

    async def stop(self) -> None:
        """Stop the process if it is running."""
        for client in self._clients:
            await client.aclose()
        self._clients.clear()
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                await self.ended(START_SECONDS)
            finally:
                self.process.kill()
                self.process.wait()

    @property
    def addresses(self) -> list[str]:
        """Where it can be reached, while it is running."""
        return [self.address]

    @property
    def log(self) -> str:
        """The log of all its runs."""
        return self.log_file.read_text() if self.log_file.exists() else ""

    @property
    def database_file(self) -> Path:
        """The SQLite file."""
        return self._folder / "data" / "parley.db"

    # Users

    def client(self) -> AsyncClient:
        """The HTTP API, without authentication."""
        client = self._new_client()
        self._clients.append(client)
        return client

    async def person(self, name: str) -> Login:
        """Register a user, unless there is one of this name, and log in."""
        async with self._new_client() as client:
            await client.post("/users", json={"username": name, "password": PASSWORD})
            answer = await client.post("/token", data={"username": name, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            tokens = answer.json()
        return Login(name, tokens["access_token"], tokens["refresh_token"])

    def _new_client(self) -> AsyncClient:
        return AsyncClient(base_url=f"http://{self.address}", verify=no_tls())

    async def connects(
        self,
        who: Login | None,
        room: str | None = None,
        *,
        query: str = "",
        headers: Iterable[tuple[str, str]] = (),
        subprotocols: Iterable[str] = (),
        origin: str | None = None,
        since: int | None = None,
        **how: Any,
    ) -> SocketClient:
        """Open a socket. ``who`` is authorised by a header."""
        parameters = [query] if since is None else [query, f"since={since}"]
        path = "/ws" if room is None else f"/ws/{room}"
        given = [] if who is None else list(who.bearer.items())
        connection = await connect(
            f"ws://{self.address}{path}?{'&'.join(filter(None, parameters))}",
            additional_headers=[*given, *headers],
            subprotocols=[Subprotocol(name) for name in subprotocols] or None,
            origin=None if origin is None else Origin(origin),
            ping_interval=None,
            open_timeout=START_SECONDS,
            max_size=None,
            # Unbounded: the client reads even while the test doesn't.
            max_queue=None,
            proxy=None,
            **{"compression": None, **how},
        )
        return SocketClient(
            "anonymous" if who is None else who.name, RealSocket(connection), room, since
        )

    async def joins(self, who: Login, room: str, **how: Any) -> SocketClient:
        """Open a socket to a room, and wait until it has caught up."""
        client = await self.connects(who, room, **how)
        await client.catches_up()
        return client

    @asynccontextmanager
    async def raw(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A bare TCP connection."""
        host, _, port = self.address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            yield reader, writer
        finally:
            writer.transport.abort()
