"""``parley serve``."""

import asyncio
import os
import socket
from importlib import import_module
from typing import Any

import typer
import uvicorn
from uvicorn.supervisors import ChangeReload

from app.config.server_url import http_url
from app.config.settings import Settings, read_settings
from app.domain.limits import LOCK_WAIT_SECONDS
from app.observability.logs import configure
from app.store.opening import take_file
from app.transport.server import PortInUse, Server, listen, options, raise_file_limit


def serve(host: str | None, port: int | None, *, reload: bool) -> None:
    """
    Serve until a signal ends it.

    Raises:
        SettingsError: If a setting can't be meant.
        Locked: If another process has the SQLite file.
        StoreError: If the database can't be used.
        ListenError: If there is nowhere to listen.

    """
    settings = read_settings(host=host, port=port)
    configure(settings.log_level, settings.log_format)
    raise_file_limit()
    with asyncio.run(_listen(settings)) as listening:
        settings = settings.model_copy(update={"port": listening.getsockname()[1]})
        if reload:
            _reload(settings, listening)
        else:
            _serve(settings, listening)


def _serve(settings: Settings, listening: socket.socket) -> None:
    # By name: nothing of the app is imported before its settings are good.
    app = import_module("app.main").create_app(settings)
    config = uvicorn.Config(app, lifespan="off", **_options(settings))
    Server(app, config, lambda: _announce(settings)).run([listening])


async def _listen(settings: Settings) -> socket.socket:
    try:
        return listen(settings.host, settings.port)
    except PortInUse:
        path = settings.database.path
        if path is None:
            raise
        # If what is there is a server on the same database, that is what has to be said; and
        # if it is just going, it can be waited for.
        (await take_file(path, None, LOCK_WAIT_SECONDS)).release()
        return listen(settings.host, settings.port)


def _reload(settings: Settings, listening: socket.socket) -> None:
    # Each time in another process, which reads the settings for itself.
    os.environ.update(HOST=settings.host, PORT=str(settings.port))
    config = uvicorn.Config("app.main:app", reload=True, log_config=None)
    ChangeReload(config, _serve_again, [listening]).run()


def _serve_again(sockets: list[socket.socket] | None) -> None:
    settings = read_settings()
    configure(settings.log_level, settings.log_format)
    for listening in sockets or ():
        _serve(settings, listening)


def _options(settings: Settings) -> dict[str, Any]:
    refuse_request = import_module("app.api.middleware").refuse_request
    return options(
        forwarded_allow_ips=settings.forwarded_allow_ips,
        ws_compression=settings.ws_compression,
        shutdown_seconds=settings.shutdown_seconds,
        refuse=refuse_request,
    )


def _announce(settings: Settings) -> None:
    url = http_url(settings.host, settings.port)
    # Scripts wait for this line.
    typer.echo(f"Parley is listening on {url}")
    pages = f"Talk at {url}/, read {url}/docs" if settings.docs else f"Talk at {url}/"
    typer.echo(f"{pages}. Stop it with Ctrl+C.")
