"""Users who talk while the database of their server is moved to that of another one."""

import asyncio
import time
from typing import Any
from uuid import uuid4

from tests.harness.checker import History
from tests.harness.process import Login, Process
from tests.harness.socket_client import SocketClient
from tests.harness.sockets import Closed

ROOM = "general"

_PAUSE_SECONDS = 1.0
"""Between two messages of one client: people who type."""


class Moving:
    """The server on the old database, and then the one on the new."""

    def __init__(self, old: Process, new: Process) -> None:
        self.old = old
        self.new = new
        self.serving = asyncio.Event()
        """Whether the new one can be reached."""
        self.stop = asyncio.Event()

    async def server(self, *, moved: bool) -> Process:
        """The server to connect to, once there is one."""
        if moved:
            await self.serving.wait()
        return self.new if moved else self.old


class Client:
    """A user who talks and listens, and reconnects with a cursor when the connection ends."""

    def __init__(self, moving: Moving, who: Login, history: History) -> None:
        self._moving = moving
        self._who = who
        self._history = history
        self._socket: SocketClient | None = None
        self.cursor = 0
        self.epochs: set[str] = set()
        self.connections = 0
        self.refused = 0
        """How often a message was answered with ``unavailable``."""
        self.seconds: list[tuple[float, float]] = []
        """When each message was sent, and how long its acknowledgement took."""

    async def run(self) -> None:
        """Talk until the end; each message until it is acknowledged."""
        await self._connect()
        while not self._moving.stop.is_set():
            await self._say(str(uuid4()))
            await self._listen(time.monotonic() + _PAUSE_SECONDS)

    async def catch_up(self, head: int) -> None:
        """Listen up to the end of the log, and hang up."""
        while self.cursor < head:
            await self._listen(time.monotonic() + 1.0)
        assert self._socket is not None
        await self._socket.hang_up()

    async def _connect(self) -> None:
        server = await self._moving.server(moved=self.connections > 0)
        self._socket = await server.connects(self._who, ROOM, since=self.cursor)
        self.connections += 1

    async def _say(self, id: str) -> None:
        text = f"{self._who.name} {id}"
        self._history.sent[id] = (self._who.name, text)
        while True:
            began = time.monotonic()
            try:
                assert self._socket is not None
                await self._socket.sends("send", id=id, text=text)
                reply = await self._reply(id)
            except Closed:
                await self._connect()
                continue
            if reply["type"] == "ack":
                self._history.acked[id].append(reply)
                self.seconds.append((began, time.monotonic() - began))
                return
            assert reply["code"] == "unavailable", reply
            self.refused += 1
            await self._listen(time.monotonic() + 0.1)

    async def _reply(self, id: str) -> dict[str, Any]:
        while True:
            frame = await self._frame()
            if frame.get("re") == id:
                return frame

    async def _listen(self, until: float) -> None:
        try:
            async with asyncio.timeout(max(until - time.monotonic(), 0.001)):
                while True:
                    await self._frame()
        except TimeoutError:
            pass
        except Closed:
            await self._connect()

    async def _frame(self) -> dict[str, Any]:
        assert self._socket is not None
        frame: dict[str, Any] = await self._socket._next()
        assert frame["type"] != "reset", frame
        if frame["type"] == "welcome":
            self.epochs.add(frame["epoch"])
        if "seq" in frame and frame.get("room") == ROOM and "by" in frame:
            if frame["seq"] > self.cursor:
                self._history.heard[self._who.name].append(frame)
                self.cursor = frame["seq"]
        return frame
