"""
The servers under test: how each is started, and how its clients connect.

All get the same resources: one core, a database of their own, the maximum of descriptors, no
request log. Servers are ended with SIGKILL: their shutdown is not measured.
"""

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from jose import jwt

from app.domain.ids import Millis, SessionId, UserId
from app.security.access_tokens import AccessTokens
from bench import fixtures
from bench.dataset import Dataset, username
from bench.machine import SERVER_CORE, free_port, on_core
from bench.npm_peers import NpmPeers
from bench.peers import databases

_ROOT = Path(__file__).resolve().parent.parent
_START_SECONDS = 30
_TOKEN_MINUTES = 60
_MANY = 1_000_000
_DURABLE = ("journal_mode=WAL", "synchronous=FULL")


class StartFailed(Exception):
    """A server did not start. The message has the end of its log."""


class Server(Protocol):
    """A server under test."""

    name: str
    dialect: str
    # Whether an acknowledged message is on disk, and whether all clients see the same order.
    stores: bool
    ordered: bool

    def fill(self, folder: Path, dataset: Dataset) -> None:
        """Create the database in ``folder``."""

    def command(self, folder: Path, port: int) -> list[str]:
        """The command that starts the server."""

    def environment(self, folder: Path) -> Mapping[str, str]:
        """Environment variables of the server."""

    def socket(self, dataset: Dataset, room: int, user: int, replay: int) -> tuple[str, str]:
        """The request target of a socket that joins a room, and the dialect's argument."""

    def page(self, dataset: Dataset, room: int, user: int) -> tuple[str, str]:
        """The request target of a room's newest 50 messages, and the bearer token."""


class Parley:
    """Parley, with limits set to values that are never reached, so that their cost counts."""

    name, dialect, stores, ordered = "parley", "parley", True, True

    def __init__(self) -> None:
        self._secret = secrets.token_hex(32)
        self._tokens = AccessTokens(self._secret, (), _TOKEN_MINUTES)

    def fill(self, folder: Path, dataset: Dataset) -> None:
        fixtures.fill(folder / "parley.db", dataset)

    def command(self, folder: Path, port: int) -> list[str]:
        return [sys.executable, "-m", "app", "serve", "--port", str(port)]

    def environment(self, folder: Path) -> Mapping[str, str]:
        limits = (
            "MAX_CONNECTIONS_PER_USER",
            "SENDS_PER_SECOND",
            "SEND_BURST",
            "FRAMES_PER_SECOND",
            "FRAME_BURST",
        )
        return {
            "DATA_DIR": str(folder),
            "SECRET_KEY": self._secret,
            "ACCESS_TOKEN_MINUTES": str(_TOKEN_MINUTES),
            "LOG_LEVEL": "warning",
            **dict.fromkeys(limits, str(_MANY)),
        }

    def token(self, user: int) -> str:
        """Issue an access token for a user of the dataset."""
        number = fixtures.FIRST_USER + user
        return self._tokens.issue(
            UserId(number), SessionId(number), Millis(int(time.time() * 1000))
        )

    def socket(self, dataset: Dataset, room: int, user: int, replay: int) -> tuple[str, str]:
        return f"/ws/{dataset.rooms[room].name}?token={self.token(user)}", "-"

    def page(self, dataset: Dataset, room: int, user: int) -> tuple[str, str]:
        return f"/rooms/{dataset.rooms[room].name}/messages?limit=50", self.token(user)


class Tutorial:
    """FastAPI's WebSocket tutorial: no storage, no login."""

    name, dialect, stores, ordered = "tutorial, no store", "plain", False, False
    module = "tutorial"

    def fill(self, folder: Path, dataset: Dataset) -> None:
        pass

    def command(self, folder: Path, port: int) -> list[str]:
        app = f"bench.peers.{self.module}:app"
        quiet = ["--log-level", "warning", "--no-access-log"]
        return [sys.executable, "-m", "uvicorn", app, "--port", str(port), *quiet]

    def environment(self, folder: Path) -> Mapping[str, str]:
        return {}

    def socket(self, dataset: Dataset, room: int, user: int, replay: int) -> tuple[str, str]:
        return f"/ws/{dataset.rooms[room].name}", "-"

    def page(self, dataset: Dataset, room: int, user: int) -> tuple[str, str]:
        raise NotImplementedError


class TutorialStore(Tutorial):
    """The same with users and messages in SQLite, one commit per message."""

    stores, module = True, "tutorial_store"

    def __init__(self, name: str, *pragmas: str) -> None:
        self.name = name
        self._pragmas = pragmas
        self._secret = secrets.token_hex(32)

    def fill(self, folder: Path, dataset: Dataset) -> None:
        databases.fill_tutorial(folder / "chat.db", dataset)

    def environment(self, folder: Path) -> Mapping[str, str]:
        return {
            "PEER_DATABASE": self.database(folder),
            "PEER_PRAGMAS": " ".join(self._pragmas),
            "PEER_SECRET_KEY": self._secret,
        }

    def database(self, folder: Path) -> str:
        """SQLAlchemy's URL of the database."""
        return f"sqlite+aiosqlite:///{folder / 'chat.db'}"

    def token(self, user: int) -> str:
        claims = {"sub": username(user), "exp": int(time.time()) + _TOKEN_MINUTES * 60}
        token: str = jwt.encode(claims, self._secret, "HS256")
        return token

    def socket(self, dataset: Dataset, room: int, user: int, replay: int) -> tuple[str, str]:
        return f"/ws/{dataset.rooms[room].name}?token={self.token(user)}", "-"

    def page(self, dataset: Dataset, room: int, user: int) -> tuple[str, str]:
        return f"/rooms/{dataset.rooms[room].name}/messages?limit=50", self.token(user)


class SocketIO:
    """The server of Socket.IO's chat tutorial, with one of two SQLite drivers."""

    dialect, stores, ordered = "socketio", True, False

    def __init__(self, name: str, npm: NpmPeers, driver: str, *pragmas: str) -> None:
        self.name = name
        self._npm = npm
        self._driver = driver
        self._pragmas = pragmas

    def fill(self, folder: Path, dataset: Dataset) -> None:
        databases.fill_socketio(folder / "chat.db", dataset)

    def command(self, folder: Path, port: int) -> list[str]:
        where = [str(port), str(folder / "chat.db")]
        return [*self._npm.server(), *where, self._driver, *self._pragmas]

    def environment(self, folder: Path) -> Mapping[str, str]:
        return {}

    def socket(self, dataset: Dataset, room: int, user: int, replay: int) -> tuple[str, str]:
        # Message ids run through all rooms, in the order in which they were filled.
        last = sum(each.messages for each in dataset.rooms[: room + 1])
        known = json.dumps({"serverOffset": last - replay}, separators=(",", ":"))
        name = urllib.parse.quote(dataset.rooms[room].name)
        return f"/socket.io/?EIO=4&transport=websocket&room={name}", known

    def page(self, dataset: Dataset, room: int, user: int) -> tuple[str, str]:
        return f"/rooms/{dataset.rooms[room].name}/messages?limit=50", "-"


class BareUvloop:
    """An upper bound: group commit and joined writes, and no other feature of a chat server."""

    name, dialect, stores, ordered = "bare uvloop", "parley", True, True

    def fill(self, folder: Path, dataset: Dataset) -> None:
        pass

    def command(self, folder: Path, port: int) -> list[str]:
        return [
            sys.executable,
            "-m",
            "bench.peers.bare_uvloop",
            str(port),
            str(folder / "bare.db"),
        ]

    def environment(self, folder: Path) -> Mapping[str, str]:
        return {}

    def socket(self, dataset: Dataset, room: int, user: int, replay: int) -> tuple[str, str]:
        return f"/ws/{dataset.rooms[room].name}", "-"

    def page(self, dataset: Dataset, room: int, user: int) -> tuple[str, str]:
        raise NotImplementedError


def all_servers(npm: NpmPeers) -> list[Server]:
    """All servers that can run here, Parley first."""
    servers: list[Server] = [
        Parley(),
        Tutorial(),
        TutorialStore("tutorial + SQLite"),
        TutorialStore("tutorial + SQLite, WAL", *_DURABLE),
        BareUvloop(),
    ]
    if npm.missing() is None:
        servers += [
            SocketIO("socket.io, sqlite3", npm, "sqlite3"),
            SocketIO("socket.io, sqlite3, WAL", npm, "sqlite3", *_DURABLE),
            SocketIO("socket.io, better-sqlite3", npm, "better-sqlite3"),
            SocketIO("socket.io, better-sqlite3, WAL", npm, "better-sqlite3", *_DURABLE),
        ]
    return servers


@dataclass(frozen=True)
class RunningServer:
    """A server process that answers requests."""

    server: Server
    dataset: Dataset
    port: int
    pid: int


@contextmanager
def run_server(server: Server, dataset: Dataset, folder: Path) -> Iterator[RunningServer]:
    """
    Run a server on its core with the database in ``folder``, until the block ends.

    Raises:
        StartFailed: If it does not answer in time.

    """
    port = free_port()
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {**inherited, "PYTHONPATH": str(_ROOT), **server.environment(folder)}
    said = folder / "server.log"
    with said.open("w") as log, on_core(SERVER_CORE):
        process = subprocess.Popen(
            server.command(folder, port), cwd=folder, env=environment, stdout=log, stderr=log
        )
    try:
        if not _answers(process, port):
            raise StartFailed(f"{server.name} did not start:\n{said.read_text()[-2000:]}")
        yield RunningServer(server, dataset, port, process.pid)
    finally:
        process.kill()
        process.wait()


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
        except urllib.error.HTTPError:
            return True  # an HTTP error is an answer, too
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False
