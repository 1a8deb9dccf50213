"""
The limit of open files: as high as the system allows, and said when it is low or reached.

Each connection is a file. Beyond the limit new connections end at once, and those that are open go
on.
"""

import asyncio
import errno
import logging
import os
import resource
from typing import Any

from ..domain.server_limits import FEW_FILES, FILES_CHECK_SECONDS, FILES_OF_SERVER

log = logging.getLogger("parley.server")

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class TooFewFiles(Exception):
    """The server can't start with this limit. The text is a sentence for the operator."""


def raise_file_limit() -> None:
    """
    Allow as many open files, and so connections, as the system lets this process have.

    Logs a warning if these are few.

    Raises:
        TooFewFiles: If they don't suffice for the server itself.

    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        limit = hard
    except (ValueError, OSError):  # a kernel may cap it below what it names as the hard limit
        log.warning("server.file_limit", extra={"limit": soft})
    if limit == resource.RLIM_INFINITY:
        return
    if limit < FILES_OF_SERVER:
        raise TooFewFiles(
            f"Only {limit} files may be open, and the server alone needs {FILES_OF_SERVER}. Raise "
            "the limit: LimitNOFILE in systemd, ulimit -n in a shell."
        )
    if limit < FEW_FILES:
        connections = limit - FILES_OF_SERVER
        log.warning("server.few_files", extra={"limit": limit, "connections": connections})


async def watch_files() -> None:
    """
    Log when no file can be opened, until it is cancelled.

    Asking for one is the only way that shows it in every event loop: uvloop ends connections that
    it can't accept without a word.
    """
    while True:
        await asyncio.sleep(FILES_CHECK_SECONDS)
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as exc:
            _log_failure(exc)


def on_loop_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Handle what an event loop reports: a line for a connection that it could not accept."""
    exc = context.get("exception")
    if isinstance(exc, OSError) and exc.errno in _EXHAUSTED:
        _log_failure(exc)
    else:
        loop.default_exception_handler(context)


def _log_failure(exc: OSError) -> None:
    limit, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    log.error("accept.failed", extra={"error": exc.strerror, "limit": limit})
