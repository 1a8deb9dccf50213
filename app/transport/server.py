"""
The process that serves: its socket, its limits, how it starts and how it ends.

uvicorn does the work. What it leaves open is here: a peer that never takes what was written,
a start that fails without a traceback, and an end that says goodbye to the clients first.
"""

import asyncio
import errno
import gc
import logging
import os
import resource
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from ..domain.limits import (
    GC_THRESHOLD,
    HEARTBEAT_SECONDS,
    MAX_FRAME_BYTES,
    PONG_TIMEOUT_SECONDS,
    TCP_USER_TIMEOUT_MS,
)
from .sniffer import ProtocolSniffer
from .websocket import WebSocketProtocol

log = logging.getLogger("parley.server")

# As uvicorn has it: connections that wait to be accepted, in a storm of reconnects.
_BACKLOG = 2_048


class ListenError(Exception):
    """There is nowhere to listen. The text is a sentence for the operator."""


class PortInUse(ListenError):
    """Another program listens there."""


def listen(host: str, port: int) -> socket.socket:
    """
    A socket that listens; its ``getsockname`` tells the port that 0 stands for.

    Raises:
        PortInUse: If another program listens there.
        ListenError: If it can't be had for another reason.

    """
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as exc:
        raise ListenError(f"There is no address {host!r} to listen on: {exc}.") from None
    family, kind, protocol, _name, address = found[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Accepted sockets inherit it. Without it, whoever stops reading is kept for ever.
            timeout = TCP_USER_TIMEOUT_MS
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout)
        listening.bind(address)
        # Now, not when the app is ready: of two that bind at once, the second hears of it here.
        listening.listen(_BACKLOG)
    except OSError as exc:
        listening.close()
        raise _refusal(exc, host, port) from None
    listening.setblocking(False)
    return listening


def raise_file_limit() -> None:
    """Allow as many open files, and so connections, as the system lets this process have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):  # a kernel may cap it below what it names as the hard limit
        log.warning("server.file_limit", extra={"limit": soft})


class Server(uvicorn.Server):
    """
    uvicorn's server around one app.

    The app's lifespan is entered here, so that what goes wrong in it is raised by :meth:`run`.
    The first SIGTERM or SIGINT lets the app's runtime say goodbye (``drain``) before the
    connections are closed; the second ends the process at once.

    """

    def __init__(self, app: FastAPI, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._on_ready = on_ready

    async def _serve(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn would log a traceback of what this raises, and exit with a code of its own.
        async with self._app.router.lifespan_context(self._app) as state:
            self._state = dict(state or {})
            await super()._serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, and say so."""
        self.lifespan.state.update(self._state)
        await super().startup(sockets)
        # What has been made so far stays, and hardly anything that follows is a cycle: else
        # every collection would walk over thousands of open connections.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD, 20, 50)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take nobody new, say goodbye, finish what runs; all in the time that was set."""
        for server in self.servers:
            server.close()
        for listening in sockets or ():
            listening.close()
        allowed = self.config.timeout_graceful_shutdown
        began = time.monotonic()
        try:
            async with asyncio.timeout(allowed):
                await self._drain()
        except TimeoutError:
            log.warning("server.drain_overdue", extra={"seconds": allowed})
        if allowed is not None:
            left = allowed - (time.monotonic() - began)
            # It goes to asyncio.wait_for, which takes parts of a second.
            self.config.timeout_graceful_shutdown = max(0.0, left)  # type: ignore[assignment]
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; again: stop. Nothing that was acknowledged is lost either way."""
        if self.should_exit:
            os._exit(128 + sig)
        # uvicorn would end the process with this signal afterwards: a stop that was asked for
        # is a success.
        self.should_exit = True

    async def _drain(self) -> None:
        drain = getattr(getattr(self._app.state, "runtime", None), "drain", None)
        if drain is not None:
            await drain()


def options(
    *,
    forwarded_allow_ips: str,
    ws_compression: bool,
    shutdown_seconds: int,
) -> dict[str, Any]:
    """What uvicorn is told, whether it reloads or not."""
    return {
        "ws": WebSocketProtocol,
        "ws_max_size": MAX_FRAME_BYTES,
        "ws_ping_interval": HEARTBEAT_SECONDS,
        "ws_ping_timeout": PONG_TIMEOUT_SECONDS,
        "ws_per_message_deflate": ws_compression,
        "http": ProtocolSniffer,
        "loop": "auto",
        # Ours is configured already, and a line per request is written by the app.
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "date_header": True,
        "proxy_headers": True,
        "forwarded_allow_ips": forwarded_allow_ips,
        "backlog": _BACKLOG,
        # As with all limits, 0 is none.
        "timeout_graceful_shutdown": shutdown_seconds or None,
    }


def _refusal(exc: OSError, host: str, port: int) -> ListenError:
    where = f"port {port} of {host or 'this machine'}"
    if exc.errno == errno.EADDRINUSE:
        return PortInUse(
            f"Another program listens on {where}. Choose another: parley serve --port 8001, "
            "or PORT."
        )
    if exc.errno == errno.EACCES:
        return ListenError(f"Only root may listen on {where}. Choose one above 1023.")
    return ListenError(f"It is not possible to listen on {where}: {exc.strerror}.")
