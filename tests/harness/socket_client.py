"""
A WebSocket client that checks what it receives.

``ask`` waits for the reply to a request, ``hears`` for the next frame. Every frame goes through
:class:`SequenceChecker`, which fails the test as soon as the server breaks a promise of
``protocol.md``: a gap, a repetition, an event of a room that is not joined.
"""

import asyncio
import json
from collections import deque
from typing import Any, Protocol
from uuid import uuid4

from tests.harness.patience import patience
from tests.harness.sockets import Closed

Frame = dict[str, Any]

SIGNALS = frozenset({"presence", "activity", "typing", "read", "added", "auth_expiring"})
"""Frames that may come at any time, or not at all; ``hears`` skips them unless asked for."""


class Socket(Protocol):
    """Either of the sockets in :mod:`tests.harness.sockets`."""

    async def send(self, said: str | bytes) -> None: ...
    async def receive(self) -> str: ...
    async def hang_up(self) -> None: ...


class SequenceChecker:
    """Checks the order of frames, per room."""

    def __init__(self) -> None:
        self.cursors: dict[str, int] = {}
        """The last seq of each joined room."""
        # Rooms with a replay of the newest messages only, in which seqs may jump.
        self._jumping: set[str] = set()
        self._welcomed = False

    def check(self, frame: Frame, since: int | None) -> None:
        """Check one frame. ``since`` is that of the join which the frame answers, if any."""
        kind, room = frame["type"], frame.get("room")
        assert self._welcomed or kind == "welcome", f"before welcome: {frame}"
        match kind:
            case "welcome":
                assert not self._welcomed, "welcome twice"
                self._welcomed = True
            case "joined":
                self._joined(frame, since)
            case "caught_up":
                seq = frame["seq"]
                expected = (
                    self.cursors[room] <= seq
                    if room in self._jumping
                    else (self.cursors[room] == seq)
                )
                assert expected, f"caught up at {seq}, received {self.cursors[room]}"
                self._jumping.discard(room)
                self.cursors[room] = seq
            case "removed":
                self.forget(room)
            case _ if "seq" in frame and "at" in frame and "by" in frame:
                self._event(frame)

    def forget(self, room: str) -> None:
        """Expect no more events of this room."""
        self.cursors.pop(room, None)
        self._jumping.discard(room)

    def _joined(self, frame: Frame, since: int | None) -> None:
        room = frame["room"]
        self._jumping.discard(room)
        if since is None:
            self._jumping.add(room)
        self.cursors[room] = since or 0

    def _event(self, frame: Frame) -> None:
        room, seq = frame["room"], frame["seq"]
        assert room in self.cursors, f"an event of a room that is not joined: {frame}"
        before = self.cursors[room]
        if room in self._jumping:
            assert seq > before, f"{room}: {seq} after {before}"
        else:
            assert seq == before + 1, f"{room}: {seq} after {before}"
        self.cursors[room] = seq


class SocketClient:
    """A connected user."""

    def __init__(self, name: str, socket: Socket, room: str | None, since: int | None) -> None:
        self.name = name
        self.socket: Any = socket
        self.room = room
        self.heard: list[Frame] = []
        """Every frame, in order."""
        self.sequence = SequenceChecker()
        # Frames that were received while waiting for another one.
        self._waiting: deque[Frame] = deque()
        # The `since` of each join, by request id; None: the join by the path.
        self._sinces: dict[str | None, int | None] = {None: since}
        # The rooms of leave requests, by request id.
        self._leaving: dict[str, str] = {}

    def forget(self) -> None:
        """Forget what was heard: a client that runs for long would hold all of it."""
        self.heard.clear()
        self._waiting.clear()

    # Sending

    async def sends(self, type: str, **fields: Any) -> str:
        """Send a request without waiting; return its id, which is random unless given."""
        request = {"type": type, "id": str(uuid4()), **fields}
        if type == "join":
            self._sinces[request["id"]] = fields.get("since")
        if type == "leave":
            self._leaving[request["id"]] = fields.get("room", self.room)
        await self.socket.send(json.dumps(request))
        return request["id"]

    async def ask(self, type: str, **fields: Any) -> Frame:
        """Send a request, and wait for its reply: success or error."""
        return await self.answer(await self.sends(type, **fields))

    async def answer(self, id: str) -> Frame:
        """Wait for the reply to an earlier request."""
        kept = next((f for f in self._waiting if f.get("re") == id and _is_reply(f)), None)
        if kept is not None:
            self._waiting.remove(kept)
            return kept
        async with patience(lambda: f"a reply to {self.name}; received {self.heard[-5:]}"):
            while True:
                frame = await self._next()
                if frame.get("re") == id and _is_reply(frame):
                    return frame
                self._waiting.append(frame)

    async def types(self, payload: str | bytes) -> None:
        """Send a frame as it is."""
        await self.socket.send(payload)

    # Receiving

    async def hears(self, *types: str) -> Frame:
        """
        Wait for the next frame, which must be of one of ``types`` if any are given.

        Signals are skipped, unless their type is given.
        """
        wanted = types or ("anything",)
        async with patience(lambda: f"{wanted} to reach {self.name}; received {self.heard[-5:]}"):
            while True:
                frame = self._waiting.popleft() if self._waiting else await self._next()
                if frame["type"] in types:
                    return frame
                if frame["type"] not in SIGNALS:
                    assert not types, f"{self.name} waited for {types} and received {frame}"
                    return frame

    async def hears_texts(self, count: int) -> list[str]:
        """The texts of the next messages."""
        return [(await self.hears("message.created"))["text"] for _ in range(count)]

    async def hears_texts_and_acks(self, texts: list[str]) -> bool:
        """Wait for as many messages and acks as ``texts``; return whether the texts are these."""
        received, acks = [], 0
        while len(received) < len(texts) or acks < len(texts):
            frame = await self.hears()
            if frame["type"] == "ack":
                acks += 1
            else:
                assert frame["type"] == "message.created", frame
                received.append(frame["text"])
        return received == texts

    async def catches_up(self) -> list[Frame]:
        """The frames until the end of the replay, without ``welcome`` and ``caught_up``."""
        frames = []
        while (frame := await self.hears())["type"] != "caught_up":
            if frame["type"] != "welcome":
                frames.append(frame)
        return frames

    async def hears_until(self, seq: int) -> list[Frame]:
        """The events up to and including ``seq``."""
        events = []
        while not events or events[-1]["seq"] < seq:
            frame = await self.hears()
            if "seq" in frame and "at" in frame and "by" in frame:
                events.append(frame)
        return events

    async def nothing_more(self) -> None:
        """Assert that only signals have come. A ping makes sure that nothing is on its way."""
        pong = await self.ask("ping")
        assert pong["type"] == "pong"
        unexpected = [frame for frame in self._waiting if frame["type"] not in SIGNALS]
        assert not unexpected, unexpected

    async def is_closed(self) -> tuple[int | None, str]:
        """Wait for the close; return code and reason. Frames before it are in ``heard``."""
        async with patience(lambda: f"{self.name} to be closed; received {self.heard[-5:]}"):
            while True:
                try:
                    self._waiting.append(await self._next())
                except Closed as closed:
                    return closed.code, closed.reason

    async def hang_up(self) -> None:
        """Disconnect without a close frame."""
        await self.socket.hang_up()

    async def _next(self) -> Frame:
        frame: Frame = json.loads(await self.socket.receive())
        self.heard.append(frame)
        re = frame.get("re")
        self.sequence.check(frame, self._sinces.get(re))
        if re in self._leaving and frame["type"] == "ack":
            self.sequence.forget(self._leaving[re])
        return frame

    # Received frames

    @property
    def events(self) -> list[Frame]:
        """Every event that was received, in order."""
        return [f for f in self.heard if "seq" in f and "at" in f and "by" in f]

    @property
    def texts(self) -> list[str]:
        """The texts of all messages that were received, in order."""
        return [f["text"] for f in self.heard if f["type"] == "message.created"]


def _is_reply(frame: Frame) -> bool:
    """Whether the frame is a reply. ``caught_up`` is none: ``joined`` was the reply."""
    return frame["type"] != "caught_up"


async def together(*work: Any) -> list[Any]:
    """Await everything concurrently."""
    return list(await asyncio.gather(*work))
