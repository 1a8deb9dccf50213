"""
A worker of ``parley serve --workers N``: a process that the supervisor starts.

Its arguments are its number and two descriptors: of the listening socket and of the channel to
the supervisor.
"""

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..config.settings import read_settings
from ..observability.logs import configure
from ..workers.supervisor_link import open_link
from .exit_codes import exit_with_status
from .serve import make_server


def main() -> None:
    """Serve until the supervisor says stop, or is gone."""
    number, listening_fd, channel_fd = map(int, sys.argv[1:])
    settings = read_settings()
    configure(settings.log_level, settings.log_format, worker=number)
    server, app = make_server(settings, lambda: app.state.supervisor.ready())

    @asynccontextmanager
    async def linked() -> AsyncIterator[None]:
        channel = socket.socket(fileno=channel_fd)
        collect = app.state.own_metrics
        async with open_link(channel, on_stop=server.stop, collect=collect) as link:
            app.state.supervisor = link
            yield

    server.run([socket.socket(fileno=listening_fd)], linked)


if __name__ == "__main__":
    exit_with_status(main)
