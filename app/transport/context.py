"""What all connections of a server share; created with the first connection."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Protocol

from ..domain import connection_limits as defaults
from .shared_timer import SharedTimer
from .turns import Turns

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Coroutine[Any, Any, Message]]
Send = Callable[[Message], Coroutine[Any, Any, None]]
App = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]
Headers = list[tuple[bytes, bytes]]

Address = tuple[str, int] | None


class Refusal(NamedTuple):
    """The response to an invalid request or handshake."""

    status: int
    headers: Headers
    body: bytes


Refuse = Callable[[int, str], Refusal]
"""Makes a refusal from a status and a sentence."""


def plain_refusal(status: int, detail: str) -> Refusal:
    """A refusal as plain text: the default."""
    return Refusal(status, [(b"content-type", b"text/plain; charset=utf-8")], detail.encode())


@dataclass(frozen=True, slots=True)
class TransportLimits:
    """What a peer may send, cause and wait for; ``domain/connection_limits.py`` says why."""

    max_message_bytes: int = defaults.MAX_FRAME_BYTES
    control_frames_per_second: float = defaults.CONTROL_FRAMES_PER_SECOND
    control_frame_burst: float = defaults.CONTROL_FRAME_BURST
    frames_per_turn: int = defaults.READ_FRAMES_PER_TURN
    ping_seconds: float = defaults.HEARTBEAT_SECONDS
    """0 for no pings."""
    pong_seconds: float = defaults.PONG_TIMEOUT_SECONDS
    close_seconds: float = defaults.CLOSE_SECONDS
    request_seconds: float = defaults.REQUEST_SECONDS
    keep_alive_seconds: float = defaults.KEEP_ALIVE_SECONDS
    max_target_bytes: int = defaults.MAX_TARGET_BYTES
    max_header_bytes: int = defaults.MAX_HEADER_BYTES
    max_headers: int = defaults.MAX_HEADERS
    handshakes_per_turn: int = defaults.HANDSHAKES_PER_TURN
    requests_per_turn: int = defaults.REQUESTS_PER_TURN
    pipelined_at_once: int = defaults.PIPELINED_AT_ONCE
    pipelined_seconds: float = defaults.PIPELINED_SECONDS


class ServerState(Protocol):
    """The server's record of its connections: an object of uvicorn, which also reads it."""

    connections: set[Any]
    """When the server stops, it calls ``shutdown()`` on each, then waits until none is left."""
    tasks: set[Any]
    """The server waits for these, too."""
    default_headers: Headers
    """Sent with every response. Replaced each second, because ``Date`` is one of them."""


@dataclass(frozen=True, slots=True, eq=False)
class ServerContext:
    """A server, as its connections see it."""

    app: App
    server: ServerState
    app_state: dict[str, Any] = field(default_factory=dict)
    """Copied into the ``state`` of every scope."""
    root_path: str = ""
    limits: TransportLimits = field(default_factory=TransportLimits)
    compression: bool = False
    """Whether WebSockets may be compressed."""
    refuse: Refuse = plain_refusal
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    timer: SharedTimer = field(init=False)
    """The keepalive's deadlines of all connections."""
    handshakes: Turns = field(init=False)
    """Handshakes of WebSockets, by the peer's address."""
    requests: Turns = field(init=False)
    """HTTP requests, by the peer's address."""
    pipelined: Turns = field(init=False)
    """Requests that were sent before the previous one was answered, by the peer's address."""

    def run_app(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        on_done: Callable[[BaseException | None], None],
    ) -> None:
        """Run the app on a connection; ``on_done`` is called with what it has raised, or None."""
        task = self.loop.create_task(self.app(scope, receive, send))
        self.server.tasks.add(task)
        task.add_done_callback(partial(self._on_app_done, on_done))

    def _on_app_done(
        self, on_done: Callable[[BaseException | None], None], task: asyncio.Task[Any]
    ) -> None:
        self.server.tasks.discard(task)
        on_done(None if task.cancelled() else task.exception())

    def __post_init__(self) -> None:
        given = self.limits
        handshakes = Turns(self.loop, given.handshakes_per_turn, 0)
        pipelined = Turns(self.loop, given.pipelined_at_once, given.pipelined_seconds)
        # The dataclass is frozen: this is how its own __init__ sets fields.
        object.__setattr__(self, "timer", SharedTimer(self.loop))
        object.__setattr__(self, "handshakes", handshakes)
        object.__setattr__(self, "requests", Turns(self.loop, given.requests_per_turn, 0))
        object.__setattr__(self, "pipelined", pipelined)
