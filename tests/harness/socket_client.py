"""
A client on a socket.

``ask`` waits for the answer to a request, ``hears`` for what others do. Every frame goes through
:class:`SequenceChecker`, which fails the test as soon as the server breaks what ``protocol.md``
promises: a gap, a repetition, an event of a room that was not joined or is lost.
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
"""What may come at any time, and be lost: ``hears`` passes over it unless it is asked for."""


class Socket(Protocol):
    """Either end of :mod:`tests.harness.sockets`."""

    async def send(self, said: str | bytes) -> None: ...
    async def receive(self) -> str: ...
    async def hang_up(self) -> None: ...


class SequenceChecker:
    """What has been heard of each room, and whether it can be right."""

    def __init__(self) -> None:
        self.cursors: dict[str, int] = {}
        """Of rooms that are listened to: the last seq."""
        # Rooms whose replay shows only the newest messages: numbers may jump there.
        self._jumping: set[str] = set()
        self._welcomed = False

    def check(self, frame: Frame, since: int | None) -> None:
        """Check one frame. ``since`` is what the join asked for, if this answers one."""
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
                assert expected, f"caught up at {seq}, heard {self.cursors[room]}"
                self._jumping.discard(room)
                self.cursors[room] = seq
            case "removed":
                self.forget(room)
            case _ if "seq" in frame and "at" in frame and "by" in frame:
                self._event(frame)

    def forget(self, room: str) -> None:
        """Nothing more may come of this room."""
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
    """A connected person."""

    def __init__(self, name: str, socket: Socket, room: str | None, since: int | None) -> None:
        self.name = name
        self.socket: Any = socket
        self.room = room
        self.heard: list[Frame] = []
        """Every frame, in order."""
        self.sequence = SequenceChecker()
        # Frames that were met on the way to another one.
        self._waiting: deque[Frame] = deque()
        # What joins have asked for, by their id; None is that of the path.
        self._sinces: dict[str | None, int | None] = {None: since}
        # Ids of requests to leave, with the room.
        self._leaving: dict[str, str] = {}

    # Speaking

    async def sends(self, type: str, **fields: Any) -> str:
        """Send a request, and don't wait. Its id, random unless given."""
        request = {"type": type, "id": str(uuid4()), **fields}
        if type == "join":
            self._sinces[request["id"]] = fields.get("since")
        if type == "leave":
            self._leaving[request["id"]] = fields.get("room", self.room)
        await self.socket.send(json.dumps(request))
        return request["id"]

    async def ask(self, type: str, **fields: Any) -> Frame:
        """Send a request, and wait for its answer, whatever it is."""
        return await self.answer(await self.sends(type, **fields))

    async def answer(self, id: str) -> Frame:
        """The answer to an earlier request."""
        kept = next((f for f in self._waiting if f.get("re") == id and _answers(f)), None)
        if kept is not None:
            self._waiting.remove(kept)
            return kept
        async with patience(lambda: f"an answer to {self.name}; heard {self.heard[-5:]}"):
            while True:
                frame = await self._next()
                if frame.get("re") == id and _answers(frame):
                    return frame
                self._waiting.append(frame)

    async def types(self, said: str | bytes) -> None:
        """Send a frame as it is."""
        await self.socket.send(said)

    # Hearing

    async def hears(self, *types: str) -> Frame:
        """
        The next frame, which must be of one of ``types`` if any are given.

        Signals are passed over, unless they are asked for by type.
        """
        wanted = types or ("anything",)
        async with patience(lambda: f"{wanted} to reach {self.name}; heard {self.heard[-5:]}"):
            while True:
                frame = self._waiting.popleft() if self._waiting else await self._next()
                if frame["type"] in types:
                    return frame
                if frame["type"] not in SIGNALS:
                    assert not types, f"{self.name} waited for {types} and heard {frame}"
                    return frame

    async def hears_texts(self, count: int) -> list[str]:
        """The texts of the next messages."""
        return [(await self.hears("message.created"))["text"] for _ in range(count)]

    async def hears_texts_and_acks(self, texts: list[str]) -> bool:
        """Wait for these messages and as many acknowledgements, in whatever order."""
        said, acks = [], 0
        while len(said) < len(texts) or acks < len(texts):
            frame = await self.hears()
            if frame["type"] == "ack":
                acks += 1
            else:
                assert frame["type"] == "message.created", frame
                said.append(frame["text"])
        return said == texts

    async def catches_up(self) -> list[Frame]:
        """What comes until the replay is over, without ``welcome`` and ``caught_up``."""
        frames = []
        while (frame := await self.hears())["type"] != "caught_up":
            if frame["type"] != "welcome":
                frames.append(frame)
        return frames

    async def hears_until(self, seq: int) -> list[Frame]:
        """The events up to and with ``seq``."""
        events = []
        while not events or events[-1]["seq"] < seq:
            frame = await self.hears()
            if "seq" in frame and "at" in frame and "by" in frame:
                events.append(frame)
        return events

    async def nothing_more(self) -> None:
        """Assert that nothing has come but signals; answered by ``pong``, so nothing is late."""
        pong = await self.ask("ping")
        assert pong["type"] == "pong"
        pending_activity = [frame for frame in self._waiting if frame["type"] not in SIGNALS]
        assert not pending_activity, pending_activity

    async def is_closed(self) -> tuple[int | None, str]:
        """Wait for the end: code and reason. What comes before is in ``heard``."""
        async with patience(lambda: f"{self.name} to be closed; heard {self.heard[-5:]}"):
            while True:
                try:
                    self._waiting.append(await self._next())
                except Closed as closed:
                    return closed.code, closed.reason

    async def hang_up(self) -> None:
        """Be gone, without a close frame."""
        await self.socket.hang_up()

    async def _next(self) -> Frame:
        frame: Frame = json.loads(await self.socket.receive())
        self.heard.append(frame)
        re = frame.get("re")
        self.sequence.check(frame, self._sinces.get(re))
        if re in self._leaving and frame["type"] == "ack":
            self.sequence.forget(self._leaving[re])
        return frame

    # What was heard

    @property
    def events(self) -> list[Frame]:
        """Every event that was heard, in order."""
        return [f for f in self.heard if "seq" in f and "at" in f and "by" in f]

    @property
    def texts(self) -> list[str]:
        """The texts of all messages that were heard, in order."""
        return [f["text"] for f in self.heard if f["type"] == "message.created"]


def _answers(frame: Frame) -> bool:
    """Whether the frame is the one answer; ``caught_up`` ends a join that was answered."""
    return frame["type"] != "caught_up"


async def together(*work: Any) -> list[Any]:
    """Do it all at once."""
    return list(await asyncio.gather(*work))
