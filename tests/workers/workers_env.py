"""Several workers on a PostgreSQL server of the test's own, and clients that come back."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import zip_longest

from parley_client import Client, MessageCreated
from tests.api.metrics_env import Sample, scrape
from tests.crash.postgres_env import ParleyOn
from tests.harness.patience import until
from tests.harness.process import PASSWORD, START_SECONDS, Login
from tests.harness.socket_client import SocketClient

ROOM = "general"


class Workers(ParleyOn):
    """`parley serve` with two workers."""

    @property
    def pids(self) -> dict[int, int]:
        """The process of each worker that has been ready, by its number."""
        started = re.findall(r"worker\.started worker=(\d+) pid=(\d+)", self.log)
        return {int(number): int(pid) for number, pid in started}

    def signal_worker(self, number: int, signal: signal.Signals) -> int:
        """Send a worker a signal; return its process id."""
        pid = self.pids[number]
        os.kill(pid, signal)
        return pid

    async def replaces(self, number: int, pid: int) -> None:
        """Wait until a worker has another process."""
        await until(lambda: self.pids[number] != pid, "the replacement", START_SECONDS)

    async def joins_on(self, number: int, who: Login, room: str) -> SocketClient:
        """Open a socket to a room on one of the workers."""
        while True:
            before = await self.sockets()
            socket = await self.joins(who, room)
            if (await self.sockets())[f"{number}"] > before[f"{number}"]:
                return socket
            await socket.hang_up()

    async def metrics(self) -> dict[Sample, float]:
        """All samples of a scrape."""
        async with self.client() as client:
            return await scrape(client)

    async def sockets(self) -> dict[str, float]:
        """How many WebSockets each worker has."""
        samples = await self.metrics()
        return {
            sample[2]: count
            for sample, count in samples.items()
            if sample[:2] == ("parley_connections", "websocket")
        }


def is_running(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Talk:
    """
    Clients that send numbers to a room, one after the other, and read it.

    They are parley-client's: they reconnect and resume by themselves.
    """

    def __init__(self, address: str, names: list[str]) -> None:
        self._address = address
        self._stop = asyncio.Event()
        self.acknowledged: dict[str, list[str]] = {name: [] for name in names}
        """What each client has sent."""
        self.heard: dict[str, list[tuple[int, str, str]]] = {name: [] for name in names}
        """What each client has got: seq, sender and text."""

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Talk until the block ends, and until every client has got all of it."""
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            senders, readers = [], []
            for name in self.heard:
                client = Client(f"http://{self._address}", name, PASSWORD)
                await stack.enter_async_context(client)
                readers.append(tasks.create_task(self._read(client, name)))
                senders.append(tasks.create_task(self._send(client, name)))
            await self.goes_on()
            yield
            await self.goes_on()
            self._stop.set()
            await asyncio.gather(*senders)
            sent = sum(map(len, self.acknowledged.values()))
            await until(
                lambda: all(len(log) >= sent for log in self.heard.values()),
                "every client to get everything",
                START_SECONDS,
            )
            for reader in readers:
                reader.cancel()

    async def goes_on(self) -> None:
        """Wait until every client has sent, and got, three further messages."""
        sent = {name: len(texts) + 3 for name, texts in self.acknowledged.items()}
        heard = {name: len(log) + 3 for name, log in self.heard.items()}

        def did() -> bool:
            return all(len(self.acknowledged[name]) >= n for name, n in sent.items()) and all(
                len(self.heard[name]) >= n for name, n in heard.items()
            )

        await until(did, "every client to go on", START_SECONDS)

    def violations(self) -> list[str]:
        """What was lost, doubled or out of order."""
        log, *others = self.heard.values()
        found = []
        for other in others:
            found += [
                f"{one} is {two} elsewhere" for one, two in zip_longest(log, other) if one != two
            ]
        for name, texts in self.acknowledged.items():
            stored = [text for _seq, sender, text in log if sender == name]
            found += [
                f"{name} sent {one}, and {two} is in the log"
                for one, two in zip_longest(texts, stored)
                if one != two
            ]
        return found[:5]

    async def _send(self, client: Client, name: str) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            await client.send(ROOM, f"{number}")
            self.acknowledged[name].append(f"{number}")

    async def _read(self, client: Client, name: str) -> None:
        async for event in client.room(ROOM, since=0):
            if isinstance(event, MessageCreated):
                self.heard[name].append((event.seq, event.by, event.text or ""))
