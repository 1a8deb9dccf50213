"""``parley serve``."""

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from typing import Any

import typer
import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import ChangeReload

from ..config.server_url import http_url
from ..config.settings import Settings, read_settings
from ..domain.server_limits import LOCK_WAIT_SECONDS
from ..observability.logs import configure
from ..store.opening import lock_file
from ..transport.file_limit import raise_file_limit
from ..transport.listening import PortInUse, listen, listen_for_each
from ..transport.server import Server, options
from ..workers.supervisor import Supervisor
from .exit_codes import Misuse

# Imported by name, so that nothing of the app is imported before the settings are valid. The
# package is `app` in a checkout, `parley` where it is installed.
_PACKAGE = __name__.partition(".")[0]
_MAIN = f"{_PACKAGE}.main"
_MIDDLEWARE = f"{_PACKAGE}.api.middleware"
_WORKER = f"{_PACKAGE}.commands.serve_worker"


def serve(host: str | None, port: int | None, workers: int | None, *, reload: bool) -> None:
    """
    Run the server until a signal stops it.

    Raises:
        SettingsError: If a setting is invalid.
        Misuse: If there can't be several workers.
        Locked: If another process is using the SQLite file.
        StoreError: If the database can't be used.
        ListenError: If the address can't be listened on.
        TooFewFiles: If the limit of open files is too low.

    """
    settings = read_settings(host=host, port=port, workers=workers)
    if settings.workers > 1:
        _check_workers(settings, reload=reload)
    configure(settings.log_level, settings.log_format)
    raise_file_limit()
    if settings.workers > 1:
        _supervise(settings)
        return
    with asyncio.run(_listen(settings)) as listening:
        settings = settings.model_copy(update={"port": listening.getsockname()[1]})
        if reload:
            _reload(settings, listening)
        else:
            _serve(settings, listening)


def make_server(settings: Settings, on_ready: Callable[[], None]) -> tuple[Server, FastAPI]:
    """A new app, and a server of it that has not been started."""
    app = import_module(_MAIN).create_app(settings)
    config = uvicorn.Config(app, lifespan="off", **_options(settings))
    return Server(app, config, on_ready), app


def _serve(settings: Settings, listening: socket.socket) -> None:
    server, _app = make_server(settings, lambda: _announce(settings))
    server.run([listening])


async def _listen(settings: Settings) -> socket.socket:
    try:
        return listen(settings.host, settings.port)
    except PortInUse:
        path = settings.database.path
        if path is None:
            raise
        # A server on the same database may have the port: then report the database as locked,
        # or wait for the server if it is shutting down.
        (await lock_file(path, None, LOCK_WAIT_SECONDS)).release()
        return listen(settings.host, settings.port)


# Several workers


def _check_workers(settings: Settings, *, reload: bool) -> None:
    if settings.database.kind == "sqlite":
        raise Misuse(
            f"{settings.workers} workers need PostgreSQL: a SQLite file belongs to one process. "
            "Set DATABASE_URL, or serve with one worker."
        )
    if reload:
        raise Misuse("--reload restarts one process when a file changes: use it with one worker.")


def _supervise(settings: Settings) -> None:
    with ExitStack() as stack:
        sockets = listen_for_each(settings.host, settings.port, settings.workers)
        for listening in sockets:
            stack.enter_context(listening)
        settings = settings.model_copy(update={"port": sockets[0].getsockname()[1]})
        status = asyncio.run(_run_supervisor(settings, sockets))
    if status:
        # What was wrong, the worker has said.
        raise typer.Exit(status)


async def _run_supervisor(settings: Settings, sockets: list[socket.socket]) -> int:
    supervisor = Supervisor(
        sockets,
        [sys.executable, "-m", _WORKER],
        # Every worker reads the settings again, but for these.
        {**os.environ, "HOST": settings.host, "PORT": str(settings.port)},
        # As with all limits, 0 is none.
        shutdown_seconds=settings.shutdown_seconds or None,
        on_ready=lambda: _announce(settings),
    )
    return await supervisor.run()


# Reloading


def _reload(settings: Settings, listening: socket.socket) -> None:
    # Every restart is a new process, which reads the settings again.
    os.environ.update(HOST=settings.host, PORT=str(settings.port))
    config = uvicorn.Config(f"{_MAIN}:app", reload=True, log_config=None)
    ChangeReload(config, _serve_again, [listening]).run()


def _serve_again(sockets: list[socket.socket] | None) -> None:
    settings = read_settings()
    configure(settings.log_level, settings.log_format)
    for listening in sockets or ():
        _serve(settings, listening)


def _options(settings: Settings) -> dict[str, Any]:
    refuse_request = import_module(_MIDDLEWARE).refuse_request
    return options(
        forwarded_allow_ips=settings.forwarded_allow_ips,
        ws_compression=settings.ws_compression,
        shutdown_seconds=settings.shutdown_seconds,
        refuse=refuse_request,
    )


def _announce(settings: Settings) -> None:
    url = http_url(settings.host, settings.port)
    # Scripts wait for this line: never change it.
    typer.echo(f"Parley is listening on {url}")
    docs = f", API documentation at {url}/docs" if settings.docs else ""
    typer.echo(f"Web client at {url}/{docs}. Press Ctrl+C to stop.")
