"""
One client on a socket: it talks, listens, has mishaps, comes back and goes on where it was.

It follows the protocol as any client should: a retry has the id of the first try, a join has
``since``, a close code's hundreds say what to do. Its mishaps are what happens to clients.
"""

import asyncio
import time
from collections.abc import Sequence
from random import Random

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.protocol import State

from app.torture import mishaps
from app.torture.findings import Promise
from app.torture.history import Frame, History
from app.torture.listener import Listener
from app.torture.plan import (
    BURST_EVERY,
    BURST_REQUESTS,
    CALM_SECONDS,
    DEAF_SECONDS,
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    NEWEST_MESSAGES,
    SENDS_PER_SECOND,
    SHARE_OF_LIMIT,
    WINDOW_REQUESTS,
)
from app.torture.site import Member, TortureError
from app.torture.talker import Asked, Talker
from app.torture.waiting import Waiting

# Of a hundred connections, so many begin anew, as somebody who has nothing of the rooms.
_FORGET = 10


class Client:
    """Somebody's app."""

    def __init__(
        self,
        name: str,
        member: Member,
        rooms: Sequence[str],
        history: History,
        dice: Random,
        *,
        clients_of_user: int,
        in_path: bool,
    ) -> None:
        self.name = name
        self.listeners = {room: Listener(history, room, name) for room in rooms}
        self._member = member
        self._history = history
        self._dice = dice
        self._talker = Talker(history, member.name, self.listeners, dice)
        self._clients_of_user = clients_of_user
        # Whether the room is in the path, or joined by a frame.
        self._path_room = rooms[0] if in_path else None
        self._waiting = Waiting(name, history, self._talker, dice)
        self._calm = False
        self._pace = SENDS_PER_SECOND * dice.uniform(0.2, 1.0)
        self._deaf_until = 0.0
        self._failures = 0
        self._return_at: float | None = None

    @property
    def settled(self) -> bool:
        """Whether everything is answered, and every room caught up with."""
        return not self._waiting and all(heard.caught_up for heard in self.listeners.values())

    def calm_down(self) -> None:
        """No more mishaps and nothing new: only what is still open."""
        self._calm = True

    async def run(self) -> None:
        """Until cancelled, or until the server says that it is not welcome."""
        while True:
            token = self._member.token
            try:
                code, reason = await self._connection(token)
                await self._obey(code, reason, token)
            except TortureError as exc:
                self._history.findings.add(Promise.SETTLED, "", f"{self.name} stopped: {exc}")
                return

    # Connections

    async def _connection(self, token: str) -> tuple[int, str]:
        """One connection, from its handshake to its end; answers how it ended."""
        path = f"/ws/{self._path_room}{self._parameters()}" if self._path_room else "/ws"
        try:
            # What a client may rely on is the protocol's own; the rest is plain.
            socket = await connect(
                self._member.site.socket_url(path),
                additional_headers={"Authorization": f"Bearer {token}"},
                compression=None,
                proxy=None,
                close_timeout=2,
            )
        except (OSError, InvalidHandshake, TimeoutError, ConnectionClosed):
            self._history.counts["attempts without a connection"] += 1
            return 1006, ""
        self._history.counts["connections"] += 1
        self._waiting.connects(give_up=not self._calm)
        try:
            async with asyncio.TaskGroup() as tasks:
                doing = [tasks.create_task(self._talk(socket))]
                doing.append(tasks.create_task(self._suffer(socket)))
                await self._listen(socket)
                for task in doing:
                    task.cancel()
        finally:
            mishaps.reset(socket)
            self._waiting.compare_order()
        self._history.counts[f"ended with {socket.close_code}"] += 1
        return socket.close_code or 1006, socket.close_reason or ""

    def _parameters(self) -> str:
        assert self._path_room is not None
        since = self._begin(self.listeners[self._path_room])
        return f"?limit={NEWEST_MESSAGES}" if since is None else f"?since={since}"

    def _begin(self, listener: Listener) -> int | None:
        listener.connects()
        if not self._calm and self._dice.randrange(100) < _FORGET:
            listener.forget()
        return listener.joins(NEWEST_MESSAGES)

    async def _obey(self, code: int, reason: str, token: str) -> None:
        """Do what the close code asks for, and wait as long as is polite."""
        hundreds = code // 100
        # Too many connections are ours: the server has not noticed the end of some of them yet.
        if hundreds == 40 and code not in (4001, 4009):
            raise TortureError(f"the server closed with {code} {reason!r}")
        if hundreds == 43 or code == 4001:
            await self._member.renew(token, log_in=code == 4001)
        self._failures += 1
        if self._return_at is not None:
            pause, self._return_at = self._return_at - time.monotonic(), None
        elif hundreds == 42 and self._failures == 1:
            pause = 0.0
        else:
            longest = FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 10)
            pause = min(LONGEST_PAUSE_SECONDS, longest) * self._dice.uniform(0.5, 1.0)
        await asyncio.sleep(max(0.0, pause))

    # Talking

    async def _talk(self, socket: ClientConnection) -> None:
        try:
            if self._path_room is None:
                for listener in self.listeners.values():
                    await self._join(socket, listener, self._begin(listener))
            while True:
                now = time.monotonic()
                if due := self._waiting.due(now):
                    for asked in due[:WINDOW_REQUESTS]:
                        await self._say(socket, asked)
                elif not self._calm:
                    few = self._dice.randrange(BURST_EVERY) > 0
                    for _ in range(1 if few else BURST_REQUESTS):
                        if len(self._waiting) < (WINDOW_REQUESTS if few else BURST_REQUESTS):
                            await self._say(socket, self._waiting.new())
                if self._waiting.is_ignored(now, self._deaf_until):
                    mishaps.reset(socket)
                pause = 0.05 if self._calm else self._dice.expovariate(self._pace)
                await asyncio.sleep(min(pause, 2.0))
        except ConnectionClosed:
            return

    async def _say(self, socket: ClientConnection, asked: Asked) -> None:
        self._waiting.sent(asked, time.monotonic())
        await socket.send(asked.payload, text=True)

    async def _join(self, socket: ClientConnection, listener: Listener, since: int | None) -> None:
        room = next(name for name, heard in self.listeners.items() if heard is listener)
        where = {"limit": NEWEST_MESSAGES} if since is None else {"since": since}
        body = {"type": "join", "id": f"join {room}", "room": room, **where}
        await socket.send(orjson.dumps(body), text=True)

    # Listening

    async def _listen(self, socket: ClientConnection) -> None:
        try:
            while True:
                frame = orjson.loads(await socket.recv(decode=False))
                self._hear(frame, socket)
                deaf = self._deaf_until - time.monotonic()
                if deaf > 0:
                    await asyncio.sleep(deaf)
        except ConnectionClosed:
            return

    def _hear(self, frame: Frame, socket: ClientConnection) -> None:
        match frame["type"]:
            case "welcome":
                self._heed(frame["limits"])
            case "joined":
                self.listeners[frame["room"]].joined()
            case "caught_up":
                self.listeners[frame["room"]].catches_up(frame["seq"])
                self._failures = 0
            case "reset":
                self.listeners[frame["room"]].is_reset(frame["reason"], frame["head"])
                mishaps.reset(socket)
            case "ack":
                self._waiting.acknowledged(frame)
            case "error":
                if not self._waiting.refused(frame, time.monotonic()):
                    # A join failed: another connection will do.
                    self._history.counts[f"errors: {frame['code']}"] += 1
                    mishaps.reset(socket)
            case "drain":
                self._return_at = time.monotonic() + frame["reconnect_in_ms"] / 1000
            case "auth_expiring":
                # It ends with 4301, and that is obeyed.
                pass
            case _ if "seq" in frame and "at" in frame:
                self.listeners[frame["room"]].hears(frame)

    def _heed(self, limits: Frame) -> None:
        allowed = limits.get("sends_per_second") or 0
        if allowed:
            self._pace = min(self._pace, SHARE_OF_LIMIT * allowed / self._clients_of_user)

    # Mishaps

    async def _suffer(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(self._dice.expovariate(1 / CALM_SECONDS))
            if self._calm or socket.state is not State.OPEN:
                return
            mishap = self._dice.choice(mishaps.ALL)
            self._history.counts[f"mishap: {mishap}"] += 1
            if mishap == mishaps.DEAF:
                self._deaf_until = time.monotonic() + self._dice.uniform(0.2, DEAF_SECONDS)
            elif mishap == mishaps.JOIN_AGAIN:
                for listener in self.listeners.values():
                    if listener.caught_up:
                        await self._join_again(socket, listener)
            else:
                self._failures = 0
                if mishap == mishaps.CUT:
                    asked = self._waiting.new()
                    self._waiting.sent(asked, time.monotonic())
                    mishaps.cut(socket, asked.payload)
                else:
                    await mishaps.end(socket, mishap)
                return

    async def _join_again(self, socket: ClientConnection, listener: Listener) -> None:
        try:
            await self._join(socket, listener, listener.joins(NEWEST_MESSAGES))
        except ConnectionClosed:
            return
