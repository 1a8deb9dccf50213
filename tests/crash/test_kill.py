"""
A server that is killed or restarted again and again while people talk.

Nothing that was acknowledged may be lost, said twice or out of order, whoever reads it.
"""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path
from uuid import uuid4

import pytest
from websockets.exceptions import InvalidHandshake

from app.store.sqlite_session import connect
from tests.crash.forked import ForkedProcess
from tests.harness.checker import History, Stored
from tests.harness.patience import PATIENCE_SECONDS, patience
from tests.harness.process import Login, Process
from tests.harness.socket_client import SocketClient
from tests.harness.sockets import Closed
from tests.transcripts.processes import launcher

ROOM = "general"

SHUTDOWN_SECONDS = 10.0
"""The default of the setting."""

# How long the server lives between two kills.
LIFE_SECONDS = (0.05, 0.4)

# A server that starts so often is forked: that takes a third of the time.
MANY = 50

# What a client writes before it waits for an answer.
IN_FLIGHT = 8

# What there is to see while the server is away.
Away = (OSError, EOFError, InvalidHandshake, TimeoutError, Closed)


class Client:
    """Somebody who reconnects with what they have, as a good client does."""

    def __init__(self, server: Process, who: Login, name: str, history: History) -> None:
        self._server = server
        self._who = who
        self._name = name
        self._history = history
        self.cursor = 0
        self.reconnects = -1

    async def connected(self) -> SocketClient:
        """A line that carries on where the last one ended; waits for the server."""
        while True:
            with suppress(*Away):
                line = await self._server.connects(self._who, ROOM, since=self.cursor)
                self.reconnects += 1
                return line
            await asyncio.sleep(0.02)

    def keep(self, line: SocketClient) -> None:
        """Write down what was heard."""
        events = [e for e in line.events if e["seq"] > self.cursor]
        self._history.heard[self._name] += events
        if events:
            self.cursor = events[-1]["seq"]


class Reader(Client):
    """Listens."""

    async def run(self, finished: asyncio.Event, head: list[int]) -> None:
        """Listen until the end of the log, once it is known."""
        while not (finished.is_set() and self.cursor >= head[0]):
            line = await self.connected()
            try:
                while not (finished.is_set() and self.cursor >= head[0]):
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.1):
                            await line._next()
                    self.keep(line)
            except Away:
                pass
            finally:
                self.keep(line)
                await line.hang_up()


class Writer(Client):
    """Says something, and says it again until it is acknowledged."""

    async def run(self, stop: asyncio.Event) -> None:
        """Write until told to stop; then until everything is acknowledged."""
        waiting: dict[str, str] = {}
        number = 0
        while waiting or not stop.is_set():
            line = await self.connected()
            try:
                for id, text in waiting.items():
                    await line.sends("send", id=id, text=text)
                while waiting or not stop.is_set():
                    while len(waiting) < IN_FLIGHT and not stop.is_set():
                        number += 1
                        id, text = str(uuid4()), f"{self._name} {number}"
                        waiting[id] = text
                        self._history.sent[id] = (self._who.name, text)
                        await line.sends("send", id=id, text=text)
                        if random.random() < 0.1:
                            # An impatient one: the same again.
                            await line.sends("send", id=id, text=text)
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        frame = await line._next()
                    if frame["type"] == "ack" and frame.get("re") in self._history.sent:
                        self._history.acked[frame["re"]].append(frame)
                        waiting.pop(frame["re"], None)
                    else:
                        assert frame["type"] != "error" or frame["code"] == "unavailable", frame
            except Away:
                pass
            finally:
                self.keep(line)
                await line.hang_up()


def on_disk(file: Path) -> tuple[list[Stored], int, list[int], str]:
    """The room's messages, its head, the numbers of its events, and what SQLite says."""
    with closing(connect(str(file), write=True)) as connection:
        messages = connection.execute(
            "SELECT e.id & 0xffffffff, u.username, e.text, e.client_id FROM events e"
            " JOIN users u ON u.id = e.by"
            " WHERE e.room_id = 1 AND e.type = 'message.created' ORDER BY e.id"
        )
        stored = [Stored(*row) for row in messages]
        [(head,)] = connection.execute("SELECT head FROM rooms WHERE id = 1")
        numbers = connection.execute(
            "SELECT id & 0xffffffff FROM events WHERE room_id = 1 ORDER BY id"
        )
        seqs = [seq for (seq,) in numbers]
        [(verdict,)] = connection.execute("PRAGMA integrity_check")
        return stored, head, seqs, verdict


@pytest.mark.crash
@pytest.mark.sqlite_only
@pytest.mark.timeout(5_400)
@pytest.mark.parametrize("kills", [20, pytest.param(1_000, marks=pytest.mark.hard)])
async def test_a_killed_server_loses_nothing(
    tmp_path: Path, kills: int, report: Callable[[str], None]
) -> None:
    async def kill(server: Process) -> None:
        server.kill()

    history = await interrupted(tmp_path, kills, kill)

    report(f"{kills} kills, {len(history.acked)} acknowledged, 0 lost")
    assert any(ack.get("duplicate") for acks in history.acked.values() for ack in acks)


@pytest.mark.crash
@pytest.mark.sqlite_only
@pytest.mark.timeout(5_400)
@pytest.mark.parametrize("restarts", [5, pytest.param(100, marks=pytest.mark.hard)])
async def test_a_server_that_is_restarted_loses_nothing(
    tmp_path: Path, restarts: int, report: Callable[[str], None]
) -> None:
    seconds = []

    async def end(server: Process) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        server.signal(signal.SIGTERM)
        # Its own limit, and what a busy machine adds.
        assert await server.ended(SHUTDOWN_SECONDS + PATIENCE_SECONDS) == 0
        seconds.append(loop.time() - began)

    history = await interrupted(tmp_path, restarts, end)

    report(
        f"{restarts} restarts, {len(history.acked)} acknowledged, 0 lost, the longest stop took"
        f" {max(seconds):.1f} s"
    )


async def interrupted(
    folder: Path, times: int, interrupt: Callable[[Process], Awaitable[None]]
) -> History:
    """Have people talk while a server is ended so often, and compare what they know with it."""
    if times < MANY:
        return await _interrupted(Process(folder, log_level="warning"), times, interrupt)
    with launcher() as forks:
        server = ForkedProcess(folder, forks, log_level="warning")
        return await _interrupted(server, times, interrupt)


async def _interrupted(
    server: Process, times: int, interrupt: Callable[[Process], Awaitable[None]]
) -> History:
    history = History()
    stop, finished, head = asyncio.Event(), asyncio.Event(), [0]
    await server.start()
    try:
        people = [await server.person(name) for name in ("ana", "bob", "cyd", "dan")]
        writers = [Writer(server, who, f"writer {who.name}", history) for who in people]
        readers = [Reader(server, who, f"reader {who.name}", history) for who in people]
        async with asyncio.TaskGroup() as group:
            writing = [group.create_task(writer.run(stop)) for writer in writers]
            for reader in readers:
                group.create_task(reader.run(finished, head))
            for _ in range(times):
                await asyncio.sleep(random.uniform(*LIFE_SECONDS))
                await interrupt(server)
                await server.start()
            stop.set()
            await asyncio.wait(writing)
            head[0] = on_disk(server.database_file)[1]
            finished.set()
        # Whoever wrote reads the rest, too.
        for writer in writers:
            line = await writer.connected()
            async with patience("the rest"):
                while line.sequence.cursors.get(ROOM, 0) < head[0]:
                    await line._next()
            writer.keep(line)
            await line.hang_up()
    finally:
        await server.stop()

    stored, last, numbers, verdict = on_disk(server.database_file)
    assert verdict == "ok"
    assert history.violations(stored, last, numbers) == []
    assert len(history.acked) == len(history.sent) > times
    assert set(history.heard) == {client._name for client in [*writers, *readers]}
    assert sum(client.reconnects for client in [*writers, *readers]) >= times
    assert "Traceback" not in server.log
    return history


def test_the_checker_finds_what_is_wrong() -> None:
    history = History()
    history.sent = {"1": ("ana", "hi")}
    history.acked["1"] = [{"seq": 2}]
    history.heard["bob"] = [{"seq": 2, "type": "message.created", "by": "ana", "text": "hi"}]
    good = Stored(2, "ana", "hi", "1")

    def found(*stored: Stored, head: int = 2, numbers: tuple[int, ...] = (1, 2)) -> set[str]:
        return {line[:2] for line in history.violations(stored, head, numbers)}

    assert found(good) == {"I5"}, "bob has not heard the first event"
    history.heard["bob"].insert(0, {"seq": 1, "type": "room.created"})
    assert found(good) == set()
    assert found() == {"I1", "I2"}
    assert found(good, good._replace(seq=3), numbers=(1, 2)) == {"I3", "I8"}
    assert found(good, numbers=(1, 3)) == {"I4"}
    assert found(good._replace(text="ho")) == {"I6", "I7"}
    assert found(good._replace(by="eve")) == {"I6", "I7"}
    history.acked["1"].append({"seq": 2})
    assert found(good) == {"I8"}, "a retry is answered as a duplicate"
