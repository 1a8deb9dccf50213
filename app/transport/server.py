"""
The process that serves: its limits, how it starts and how it ends.

uvicorn does the work. This module adds start-up errors that are raised, and a shutdown that closes
the clients' connections first.
"""

import asyncio
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from ..domain.connection_limits import INTERRUPT_SHARE
from .collector import collect_when_grown, tune_collector
from .context import (
    Refuse,
    ServerContext,
    ServerState,
    TransportLimits,
    plain_refusal,
)
from .file_limit import on_loop_exception, watch_files
from .listening import BACKLOG
from .sniffer import ProtocolSniffer

log = logging.getLogger("parley.server")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Server:
    """
    uvicorn's server around one app.

    The app's lifespan is entered here, so that what goes wrong in it is raised by :meth:`run`.
    The first SIGTERM or SIGINT, or the runtime's own request (``stop_requested``), lets the app's
    runtime close its clients' connections (``drain``), and later, if that takes too long, give up
    what is left to do (``interrupt``); a second signal ends the process at once.

    Args:
        on_ready: Called when connections are accepted.

    """

    def __init__(self, app: FastAPI, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        self._app = app
        self._config = config
        self._on_ready = on_ready
        self._uvicorn = uvicorn.Server(config)
        self._signalled = False
        self._interrupting: asyncio.TimerHandle | None = None

    def run(
        self,
        sockets: list[socket.socket],
        within: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> None:
        """
        Serve until a signal or :meth:`stop` ends it, in an event loop of its own.

        Args:
            within: What is open in that event loop, from before the app starts until it has ended.

        """

        async def serve() -> None:
            async with within():
                await self.serve(sockets)

        with asyncio.Runner(loop_factory=self._config.get_loop_factory()) as runner:
            runner.run(serve())

    def stop(self) -> None:
        """Shut down as after the first signal. Idempotent; called in the event loop."""
        self._uvicorn.should_exit = True

    async def serve(self, sockets: list[socket.socket]) -> None:
        """Serve until a signal or :meth:`stop` ends it."""
        asyncio.get_running_loop().set_exception_handler(on_loop_exception)
        try:
            await self._serve(sockets)
        finally:
            if self._interrupting is not None:
                self._interrupting.cancel()

    async def _serve(self, sockets: list[socket.socket]) -> None:
        config = self._config
        with self._signals():
            async with self._app.router.lifespan_context(self._app) as state:
                if not config.loaded:
                    config.load()
                self._uvicorn.lifespan = config.lifespan_class(config)
                self._uvicorn.lifespan.state.update(state or {})
                await self._uvicorn.startup(sockets)
                tune_collector()
                watching = (
                    asyncio.create_task(collect_when_grown(), name="collector"),
                    asyncio.create_task(watch_files(), name="file limit"),
                    asyncio.create_task(self._stop_when_requested(), name="stop"),
                )
                self._on_ready()
                try:
                    await self._uvicorn.main_loop()
                finally:
                    for task in watching:
                        task.cancel()
                await self._shutdown(sockets)

    async def _stop_when_requested(self) -> None:
        """End the server as a signal does, when the app's runtime has nothing more to do."""
        runtime = getattr(self._app.state, "runtime", None)
        requested = getattr(runtime, "stop_requested", None)
        if requested is not None:
            await requested.wait()
            self._uvicorn.should_exit = True

    async def _shutdown(self, sockets: list[socket.socket]) -> None:
        """Stop accepting, drain, and wait for what runs, within the configured time."""
        for server in self._uvicorn.servers:
            server.close()
        for listening in sockets:
            listening.close()
        allowed = self._config.timeout_graceful_shutdown
        runtime = getattr(self._app.state, "runtime", None)
        interrupt = getattr(runtime, "interrupt", None)
        if allowed is not None and interrupt is not None:
            # Not cancelled when the connections have ended: closing the runtime counts, too.
            self._interrupting = asyncio.get_running_loop().call_later(
                allowed * INTERRUPT_SHARE, interrupt
            )
        began = time.monotonic()
        try:
            async with asyncio.timeout(allowed):
                await self._drain()
        except TimeoutError:
            log.warning("server.drain_overdue", extra={"seconds": allowed})
        if allowed is not None:
            left = allowed - (time.monotonic() - began)
            # It goes to asyncio.wait_for, which takes parts of a second.
            self._config.timeout_graceful_shutdown = max(0.0, left)  # type: ignore[assignment]
        await self._uvicorn.shutdown(sockets)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            # Python delivers signals there alone.
            yield
            return
        before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Shut down; on a second signal, exit at once. Nothing acknowledged is lost either way."""
        if self._signalled:
            os._exit(128 + number)
        self._signalled = True
        self._uvicorn.should_exit = True

    async def _drain(self) -> None:
        drain = getattr(getattr(self._app.state, "runtime", None), "drain", None)
        if drain is not None:
            await drain()


class ConnectionFactory:
    """
    Makes the protocol of each connection: what uvicorn calls as its ``http`` protocol class.

    Args:
        limits: What a peer may do.
        compression: Whether WebSockets may be compressed.
        refuse: Makes the response to an invalid request.

    """

    def __init__(self, limits: TransportLimits, *, compression: bool, refuse: Refuse) -> None:
        self._limits = limits
        self._compression = compression
        self._refuse = refuse
        self._context: ServerContext | None = None

    def __call__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> ProtocolSniffer:
        """The protocol of one connection. Every call is for the same server."""
        if self._context is None:
            self._context = ServerContext(
                app=config.loaded_app,
                server=server_state,
                app_state=app_state,
                root_path=config.root_path,
                limits=self._limits,
                compression=self._compression,
                refuse=self._refuse,
            )
        return ProtocolSniffer(self._context)


def options(
    *,
    forwarded_allow_ips: str,
    ws_compression: bool,
    shutdown_seconds: int,
    limits: TransportLimits | None = None,
    refuse: Refuse = plain_refusal,
) -> dict[str, Any]:
    """The options for uvicorn, with or without ``--reload``."""
    connections = ConnectionFactory(
        limits or TransportLimits(), compression=ws_compression, refuse=refuse
    )
    return {
        "http": connections,
        # The protocols made by ``http`` recognise WebSockets themselves.
        "ws": "none",
        "loop": "auto",
        # Logging is configured already, and the app logs each request.
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "date_header": True,
        "proxy_headers": True,
        "forwarded_allow_ips": forwarded_allow_ips,
        "backlog": BACKLOG,
        # As with all limits, 0 is none.
        "timeout_graceful_shutdown": shutdown_seconds or None,
    }
