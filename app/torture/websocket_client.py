"""
One client on a socket: it talks, listens, has faults, comes back and goes on where it was.

It follows the protocol as any client should: a retry has the id of the first try, a join has
``since``, a close code's hundreds say what to do. Its faults are what happens to clients.
"""

import asyncio
import time
from collections.abc import Sequence
from random import Random

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.protocol import State

from app.torture import faults
from app.torture.findings import Promise
from app.torture.history import Frame, History
from app.torture.subscription import Subscription
from app.torture.plan import (
    BURST_EVERY,
    BURST_REQUESTS,
    MEAN_SECONDS_BETWEEN_FAULTS,
    MAX_STALL_SECONDS,
    BACKOFF_MIN_SECONDS,
    BACKOFF_MAX_SECONDS,
    NEWEST_MESSAGES,
    SENDS_PER_SECOND,
    SHARE_OF_LIMIT,
    WINDOW_REQUESTS,
)
from app.torture.api_client import Account, TortureError
from app.torture.request_generator import PendingRequest, RequestGenerator
from app.torture.pending_requests import PendingRequests

# Of a hundred connections, so many begin anew, as somebody who has nothing of the rooms.
_RESET_PERCENT = 10


class WebSocketClient:
    """Somebody's app."""

    def __init__(
        self,
        name: str,
        member: Account,
        rooms: Sequence[str],
        history: History,
        rng: Random,
        *,
        clients_per_user: int,
        in_path: bool,
    ) -> None:
        self.name = name
        self.subscriptions = {room: Subscription(history, room, name) for room in rooms}
        self._member = member
        self._history = history
        self._rng = rng
        self._generator = RequestGenerator(history, member.name, self.subscriptions, rng)
        self._clients_per_user = clients_per_user
        # Whether the room is in the path, or joined by a frame.
        self._path_room = rooms[0] if in_path else None
        self._pending = PendingRequests(name, history, self._generator, rng)
        self._winding_down = False
        self._pace = SENDS_PER_SECOND * rng.uniform(0.2, 1.0)
        self._stalled_until = 0.0
        self._failures = 0
        self._return_at: float | None = None

    @property
    def settled(self) -> bool:
        """Whether everything is answered, and every room caught up with."""
        return not self._pending and all(heard.caught_up for heard in self.subscriptions.values())

    def wind_down(self) -> None:
        """No more faults and nothing new: only what is still open."""
        self._winding_down = True

    async def run(self) -> None:
        """Until cancelled, or until the server says that it is not welcome."""
        while True:
            token = self._member.token
            try:
                code, reason = await self._run_connection(token)
                await self._follow_close_code(code, reason, token)
            except TortureError as exc:
                self._history.findings.add(Promise.SETTLED, "", f"{self.name} stopped: {exc}")
                return

    # Connections

    async def _run_connection(self, token: str) -> tuple[int, str]:
        """One connection, from its handshake to its end; answers how it ended."""
        path = f"/ws/{self._path_room}{self._query()}" if self._path_room else "/ws"
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
        self._pending.connects(give_up=not self._winding_down)
        try:
            async with asyncio.TaskGroup() as tasks:
                doing = [tasks.create_task(self._send_loop(socket))]
                doing.append(tasks.create_task(self._inject_faults(socket)))
                await self._receive_loop(socket)
                for task in doing:
                    task.cancel()
        finally:
            faults.reset(socket)
            self._pending.check_order()
        self._history.counts[f"ended with {socket.close_code}"] += 1
        return socket.close_code or 1006, socket.close_reason or ""

    def _query(self) -> str:
        assert self._path_room is not None
        since = self._start_join(self.subscriptions[self._path_room])
        return f"?limit={NEWEST_MESSAGES}" if since is None else f"?since={since}"

    def _start_join(self, listener: Subscription) -> int | None:
        listener.connects()
        if not self._winding_down and self._rng.randrange(100) < _RESET_PERCENT:
            listener.forget()
        return listener.joins(NEWEST_MESSAGES)

    async def _follow_close_code(self, code: int, reason: str, token: str) -> None:
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
            longest = BACKOFF_MIN_SECONDS * 2 ** min(self._failures, 10)
            pause = min(BACKOFF_MAX_SECONDS, longest) * self._rng.uniform(0.5, 1.0)
        await asyncio.sleep(max(0.0, pause))

    # Talking

    async def _send_loop(self, socket: ClientConnection) -> None:
        try:
            if self._path_room is None:
                for listener in self.subscriptions.values():
                    await self._join(socket, listener, self._start_join(listener))
            while True:
                now = time.monotonic()
                if due := self._pending.due(now):
                    for asked in due[:WINDOW_REQUESTS]:
                        await self._send(socket, asked)
                elif not self._winding_down:
                    few = self._rng.randrange(BURST_EVERY) > 0
                    for _ in range(1 if few else BURST_REQUESTS):
                        if len(self._pending) < (WINDOW_REQUESTS if few else BURST_REQUESTS):
                            await self._send(socket, self._pending.new())
                if self._pending.is_overdue(now, self._stalled_until):
                    faults.reset(socket)
                pause = 0.05 if self._winding_down else self._rng.expovariate(self._pace)
                await asyncio.sleep(min(pause, 2.0))
        except ConnectionClosed:
            return

    async def _send(self, socket: ClientConnection, asked: PendingRequest) -> None:
        self._pending.sent(asked, time.monotonic())
        await socket.send(asked.payload, text=True)

    async def _join(self, socket: ClientConnection, listener: Subscription, since: int | None) -> None:
        room = next(name for name, heard in self.subscriptions.items() if heard is listener)
        where = {"limit": NEWEST_MESSAGES} if since is None else {"since": since}
        body = {"type": "join", "id": f"join {room}", "room": room, **where}
        await socket.send(orjson.dumps(body), text=True)

    # Listening

    async def _receive_loop(self, socket: ClientConnection) -> None:
        try:
            while True:
                frame = orjson.loads(await socket.recv(decode=False))
                self._handle(frame, socket)
                deaf = self._stalled_until - time.monotonic()
                if deaf > 0:
                    await asyncio.sleep(deaf)
        except ConnectionClosed:
            return

    def _handle(self, frame: Frame, socket: ClientConnection) -> None:
        match frame["type"]:
            case "welcome":
                self._apply_limits(frame["limits"])
            case "joined":
                self.subscriptions[frame["room"]].joined()
            case "caught_up":
                self.subscriptions[frame["room"]].on_caught_up(frame["seq"])
                self._failures = 0
            case "reset":
                self.subscriptions[frame["room"]].on_reset(frame["reason"], frame["head"])
                faults.reset(socket)
            case "ack":
                self._pending.acknowledged(frame)
            case "error":
                if not self._pending.refused(frame, time.monotonic()):
                    # A join failed: another connection will do.
                    self._history.counts[f"errors: {frame['code']}"] += 1
                    faults.reset(socket)
            case "drain":
                self._return_at = time.monotonic() + frame["reconnect_in_ms"] / 1000
            case "auth_expiring":
                # It ends with 4301, and that is obeyed.
                pass
            case _ if "seq" in frame and "at" in frame:
                self.subscriptions[frame["room"]].hears(frame)

    def _apply_limits(self, limits: Frame) -> None:
        allowed = limits.get("sends_per_second") or 0
        if allowed:
            self._pace = min(self._pace, SHARE_OF_LIMIT * allowed / self._clients_per_user)

    # Mishaps

    async def _inject_faults(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / MEAN_SECONDS_BETWEEN_FAULTS))
            if self._winding_down or socket.state is not State.OPEN:
                return
            fault = self._rng.choice(faults.ALL)
            self._history.counts[f"fault: {fault}"] += 1
            if fault == faults.STALL:
                self._stalled_until = time.monotonic() + self._rng.uniform(0.2, MAX_STALL_SECONDS)
            elif fault == faults.REJOIN:
                for listener in self.subscriptions.values():
                    if listener.caught_up:
                        await self._rejoin(socket, listener)
            else:
                self._failures = 0
                if fault == faults.CUT:
                    asked = self._pending.new()
                    self._pending.sent(asked, time.monotonic())
                    faults.cut(socket, asked.payload)
                else:
                    await faults.end(socket, fault)
                return

    async def _rejoin(self, socket: ClientConnection, listener: Subscription) -> None:
        try:
            await self._join(socket, listener, listener.joins(NEWEST_MESSAGES))
        except ConnectionClosed:
            return
