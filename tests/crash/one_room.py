"""
One busy room over two nodes: writers that have many messages on their way, and readers.

All follow the protocol: a message that was not answered is sent again with its id, on the other
node if the first is gone, and a reader joins again with its cursor.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count, cycle

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.harness.checker import History
from tests.harness.patience import until
from tests.harness.process import START_SECONDS, Login, Process

# Messages of a writer that are on their way.
_WINDOW = 64
_RETRY_SECONDS = 0.1
# How long the rest of the messages may take after the kill, on a busy machine.
_END_SECONDS = 1_200.0


class Talk:
    """The writers and readers of one run; made by :meth:`prepare`."""

    room = "busy"

    def __init__(self, nodes: Sequence[Process], messages: int, people: Sequence[Login]) -> None:
        self.history = History()
        self.reconnects = 0
        self._nodes = nodes
        self._messages = messages
        self._people = people
        self._began = 0.0
        self.seconds = 0.0
        """From the first message until every reader has got the last."""

    @classmethod
    async def prepare(cls, nodes: Sequence[Process], messages: int) -> "Talk":
        """Register the users, and create the room, which all of them join."""
        people = [await node.person(f"user{n}") for n, node in enumerate([*nodes, *nodes])]
        owner, *others = people
        http = nodes[0].client()
        room = {"name": cls.room, "title": "Busy", "kind": "public"}
        answers = [await http.post("/rooms", json=room, headers=owner.bearer)]
        for person in others:
            path = f"/rooms/{cls.room}/members/{person.name}"
            answers.append(await http.put(path, headers=person.bearer))
        assert all(answer.is_success for answer in answers), answers
        return cls(nodes, messages, people)

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Write and read until the block ends, all is acknowledged, and every reader has it."""
        self._began = time.monotonic()
        numbers = iter(range(self._messages))
        async with asyncio.TaskGroup() as tasks:
            writers = [
                tasks.create_task(self._write(person, number, numbers))
                for number, person in enumerate(self._people)
            ]
            readers = [
                tasks.create_task(self._read(person, self._nodes[number % len(self._nodes)]))
                for number, person in enumerate(self._people)
            ]
            yield
            await asyncio.gather(*writers)
            last = max(ack["seq"] for acks in self.history.acked.values() for ack in acks)
            await until(lambda: self._all_have(last), "the readers", _END_SECONDS)
            self.seconds = time.monotonic() - self._began
            for reader in readers:
                reader.cancel()

    async def has_acknowledged(self, messages: int) -> None:
        """Wait until so many messages are acknowledged."""
        await until(lambda: len(self.history.acked) >= messages, f"{messages} acks", _END_SECONDS)

    def figures(self) -> list[str]:
        """What happened, for a person."""
        acks = self.history.acked.values()
        again = sum(len(each) > 1 or bool(each[0].get("duplicate")) for each in acks)
        rate = len(acks) / self.seconds
        heard = sum(map(len, self.history.heard.values()))
        return [
            f"{len(acks):,} messages acknowledged in {self.seconds:.1f} s ({rate:,.0f}/s), "
            f"{again:,} of them sent again and stored once; {heard:,} events received by "
            f"{len(self.history.heard)} readers, {self.reconnects} reconnects."
        ]

    # Writers

    async def _write(self, who: Login, number: int, numbers: "count[int]") -> None:
        """Send messages until there are no more, on one node or the other."""
        waiting: deque[str] = deque()
        nodes = cycle(self._nodes)
        for _ in range(number):
            next(nodes)
        while True:
            socket = await self._connect(next(nodes), who, "/ws")
            if socket is None:
                continue
            with suppress(ConnectionClosed):
                for id in waiting:
                    await self._send(socket, id)
                if await self._talk(socket, who, waiting, numbers):
                    await socket.close()
                    return
            socket.transport.abort()
            self.reconnects += 1

    async def _talk(
        self, socket: ClientConnection, who: Login, waiting: deque[str], numbers: "count[int]"
    ) -> bool:
        """Send and read acknowledgements; returns when all messages are acknowledged."""
        while True:
            while len(waiting) < _WINDOW and (next_number := next(numbers, None)) is not None:
                id = f"id-{next_number}"
                self.history.sent[id] = (who.name, f"text {next_number}")
                waiting.append(id)
                await self._send(socket, id)
            if not waiting:
                return True
            frame = json.loads(await socket.recv())
            if frame["type"] == "ack" and frame.get("re") in self.history.sent:
                self.history.acked[frame["re"]].append(frame)
                with suppress(ValueError):
                    waiting.remove(frame["re"])
            elif frame["type"] == "error":
                assert frame["code"] == "unavailable", frame
                await asyncio.sleep(_RETRY_SECONDS)
                await self._send(socket, frame["re"])

    async def _send(self, socket: ClientConnection, id: str) -> None:
        text = self.history.sent[id][1]
        body = {"type": "send", "id": id, "room": self.room, "text": text}
        await socket.send(json.dumps(body))

    # Readers

    async def _read(self, who: Login, node: Process) -> None:
        """Read the room on one node, from its beginning, until cancelled."""
        heard = self.history.heard[f"{who.name} on {node.address}"]
        while True:
            since = heard[-1]["seq"] if heard else 0
            socket = await self._connect(node, who, f"/ws/{self.room}?since={since}")
            if socket is None:
                continue
            try:
                while True:
                    frame = json.loads(await socket.recv())
                    if "seq" in frame and "by" in frame:
                        heard.append(frame)
            except ConnectionClosed:
                self.reconnects += 1
            finally:
                socket.transport.abort()

    def _all_have(self, last: int) -> bool:
        heard = self.history.heard.values()
        return len(heard) == len(self._people) and all(
            events and events[-1]["seq"] >= last for events in heard
        )

    async def _connect(self, node: Process, who: Login, path: str) -> ClientConnection | None:
        try:
            return await connect(
                f"ws://{node.address}{path}",
                additional_headers=who.bearer,
                ping_interval=None,
                open_timeout=START_SECONDS,
                compression=None,
                proxy=None,
                max_queue=None,
            )
        except (OSError, InvalidHandshake, TimeoutError, ConnectionClosed):
            await asyncio.sleep(_RETRY_SECONDS)
            return None
