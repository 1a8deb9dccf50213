"""Parley on a PostgreSQL server of the test's own."""

import asyncio
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.store import migrations
from app.store.postgres import PostgresDatabase
from tests.harness.checker import History, Stored
from tests.harness.postgres_server import PostgresServer
from tests.harness.process import Process
from tests.harness.socket_client import SocketClient

DATABASE = "parley"
_RETRY_SECONDS = 0.1


class ParleyOn(Process):
    """
    `parley serve` on a new database named ``parley``.

    Args:
        url: Where the database is reached; by default at the server's own address.

    """

    def __init__(
        self, postgres: PostgresServer, folder: Path, *, url: str | None = None, **chosen: object
    ) -> None:
        self._postgres = postgres
        super().__init__(folder, database_url=url or postgres.url(DATABASE), **chosen)

    async def install(self) -> None:
        """Make its database a new installation."""
        self._postgres.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        self._postgres.execute(f"CREATE DATABASE {DATABASE}")
        database = PostgresDatabase(self._postgres.url(DATABASE), limited=False)
        await database.write(migrations.upgrade)
        await database.close()


class Sender:
    """
    A user who sends one message after the other to a room, each until it is acknowledged.

    Args:
        history: Where sent messages and acknowledgements are recorded.

    """

    def __init__(self, socket: SocketClient, history: History) -> None:
        self._socket = socket
        self._history = history
        self.seconds: list[float] = []
        """How long each reply took."""
        self.unavailable = 0
        """How many replies were that."""

    @property
    def acknowledged(self) -> int:
        """How many replies were acknowledgements."""
        return len(self.seconds) - self.unavailable

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop, and until the last message is acknowledged."""
        number = 0
        while not stop.is_set():
            number += 1
            id, text = str(uuid4()), f"text {number}"
            self._history.sent[id] = (self._socket.name, text)
            while not await self._send(id, text):  # noqa: ASYNC110 - a pause between retries
                await asyncio.sleep(_RETRY_SECONDS)

    async def _send(self, id: str, text: str) -> bool:
        began = time.monotonic()
        await self._socket.sends("send", id=id, text=text)
        reply: dict[str, Any] = {}
        # Without a limit on the time: a node may be frozen.
        while reply.get("re") != id:
            reply = await self._socket._next()
        self.seconds.append(time.monotonic() - began)
        if reply["type"] == "ack":
            self._history.acked[id].append(reply)
            return True
        assert reply["code"] == "unavailable", reply
        self.unavailable += 1
        return False


def violations(postgres: PostgresServer, history: History, room: str) -> list[str]:
    """What of ``history`` is not so in the log of the room."""

    def ask(sql: str) -> list[Any]:
        where = f" WHERE e.room_id = (SELECT id FROM rooms WHERE name = '{room}')"
        return postgres.execute(sql.replace(" WHERE room", where), database=DATABASE)

    stored = ask(
        "SELECT e.id & 4294967295, u.username, e.text, e.client_id FROM events e"
        " JOIN users u ON u.id = e.by WHERE room AND e.type = 'message.created'"
    )
    seqs = [seq for (seq,) in ask("SELECT e.id & 4294967295 FROM events e WHERE room ORDER BY 1")]
    [(head,)] = postgres.execute(
        f"SELECT head FROM rooms WHERE name = '{room}'", database=DATABASE
    )
    return history.violations([Stored(*row) for row in stored], head, seqs)
