"""
A real server: `parley serve` in a process of its own, over a folder or a database of its own.

It can be stopped, killed and started again; what it writes to its log is kept. People come
over HTTP, with passwords, and talk through sockets of a client that forgives nothing.
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
from tests.harness.sockets import RealSocket

PASSWORD = "correct horse battery"

# Starting takes about two seconds; on a machine that is busy it takes longer.
START_SECONDS = 40.0

_LISTENING = re.compile(r"^Parley is listening on http://(127\.0\.0\.1:\d+)$", re.M)


@dataclass
class Visitor:
    """Somebody with an account and a log-in."""

    name: str
    token: str
    refresh_token: str

    @property
    def bearer(self) -> dict[str, str]:
        """The header that says who calls."""
        return {"Authorization": f"Bearer {self.token}"}


class Process:
    """
    One installation, and the process that serves it.

    Args:
        folder: Where its data and its log are.
        chosen: Settings, as environment variables have them, in lower case.

    """

    def __init__(self, folder: Path, **chosen: object) -> None:
        self._folder = folder
        self.log_file = folder / "server.log"
        self.address = ""
        """Host and port, while it serves."""
        self.process: subprocess.Popen[bytes] | None = None
        self._environment = {
            name: value
            for name, value in os.environ.items()
            # What the tests are measured with, and nothing that is meant for a server.
            if name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") or name.startswith("COV")
        }
        settings = {
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
        """Start it, and wait until it listens."""
        begins_at = len(self.log)
        process = self.process = self._spawn()

        def listens() -> bool:
            assert process.poll() is None, self.log
            found = _LISTENING.search(self.log, begins_at)
            if found:
                self.address = found[1]
            return found is not None

        await until(listens, "the server to start", START_SECONDS)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "app", "serve", "--port", "0"],
                cwd=Path(__file__).parents[2],
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """End it as a power cut does: it can't say goodbye."""
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self, seconds: float) -> int:
        """Wait until it has ended: its exit code."""
        process = self.process
        assert process is not None
        await until(lambda: process.poll() is not None, "the server to end", seconds)
        assert process.returncode is not None
        return process.returncode

    async def stop(self) -> None:
        """End it in good order, whatever state it is in."""
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
    def log(self) -> str:
        """Everything that it has written."""
        return self.log_file.read_text() if self.log_file.exists() else ""

    @property
    def database_file(self) -> Path:
        """Where SQLite's file is."""
        return self._folder / "data" / "parley.db"

    # People

    def client(self) -> AsyncClient:
        """Somebody at the HTTP API."""
        client = AsyncClient(base_url=f"http://{self.address}")
        self._clients.append(client)
        return client

    async def person(self, name: str) -> Visitor:
        """Register, if need be, and log in."""
        async with AsyncClient(base_url=f"http://{self.address}") as client:
            await client.post("/users", json={"username": name, "password": PASSWORD})
            answer = await client.post("/token", data={"username": name, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            tokens = answer.json()
        return Visitor(name, tokens["access_token"], tokens["refresh_token"])

    async def connects(
        self,
        who: Visitor | None,
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
            # It reads all the time, whether a test listens or not.
            max_queue=None,
            proxy=None,
            **{"compression": None, **how},
        )
        return SocketClient(
            "somebody" if who is None else who.name, RealSocket(connection), room, since
        )

    async def joins(self, who: Visitor, room: str, **how: Any) -> SocketClient:
        """Open a socket to a room, and listen until it has caught up."""
        line = await self.connects(who, room, **how)
        await line.catches_up()
        return line

    @asynccontextmanager
    async def raw(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A bare TCP connection."""
        host, _, port = self.address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            yield reader, writer
        finally:
            writer.transport.abort()
